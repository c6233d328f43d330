package dev.workloads.messaging.nats;

import dev.workloads.messaging.BrokerException;
import dev.workloads.messaging.BrokerException.Reason;
import dev.workloads.messaging.nats.NatsLinkState.Phase;
import io.nats.client.AuthenticationException;
import io.nats.client.Connection.Status;
import io.nats.client.Options;
import io.nats.client.Statistics;
import io.nats.client.impl.NatsServerPool;
import io.nats.client.impl.NatsStatistics;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Decides which link to NATS is the current one: makes the first, and replaces one that jnats has given up, whose server is
 * about to stop, or which was refused a subscription. All subscriptions move along.
 *
 * <p>Threads: one daemon thread, {@code nats-connector}, looks at the current link every 50 ms and does what is due; another,
 * {@code nats-deadlines}, which nothing blocks, ends the requests whose time is over; callers add and remove subscriptions on
 * their own ones. A lock makes that one after the other.
 */
final class NatsConnector implements AutoCloseable {

  private static final Logger log = LoggerFactory.getLogger(NatsConnector.class);
  private static final long LOOK_MILLIS = 50;
  private static final long FIRST_WAIT_MILLIS = 50;
  // How soon a subscription that was refused is tried again: the server may have been given other permissions
  private static final Duration REFUSED_WAIT = Duration.ofSeconds(2);
  private static final Duration DRAIN_TIMEOUT = Duration.ofSeconds(2);
  // How long there are both the former and the new subscription where they may overlap. The servers of a cluster tell each
  // other of subscriptions with a delay: one may still send a message towards the former, and where that has gone, its server
  // must know the new one to pass the message on, or it drops it.
  private static final Duration OVERLAP = Duration.ofMillis(500);
  // How long a link that was replaced stays for the replies of handlers; later ones go over the current link. It stays for
  // the replies to its own requests, too, until the last has ended: they come only there.
  private static final Duration RETIREMENT = Duration.ofSeconds(60);
  private static final Duration REFUSED_RETIREMENT = Duration.ofSeconds(10); // where a new one comes every 2 s
  private static final int MAX_LINKS = 10; // past it no further one is tried in place of one that was refused a subscription

  private final Options template;
  private final Duration readyGrace;
  private final long maxWaitMillis;
  private final Duration retirement;
  private final ScheduledThreadPoolExecutor thread =
      new ScheduledThreadPoolExecutor(1, NatsLink.daemonThreads("nats-connector"));
  private final ScheduledThreadPoolExecutor deadlines =
      new ScheduledThreadPoolExecutor(1, NatsLink.daemonThreads("nats-deadlines"));
  // Shared by all links: the pool remembers the servers that the cluster announced, and which one was the last
  private final NatsServerPool servers = new NatsServerPool();
  private final LongAdder sentMessages = new LongAdder(); // jnats counts PING, SUB and the like as well
  private final NatsStatistics statistics = new NatsStatistics() {

    @Override
    public long getOutMsgs() {
      return sentMessages.sum();
    }
  };
  private final Lock lock = new ReentrantLock();
  private final Set<NatsSubscription> subscriptions = new LinkedHashSet<>(); // under the lock
  private final List<NatsLink> links = new CopyOnWriteArrayList<>(); // the current one and those replaced; under the lock
  private volatile @Nullable NatsLink current;
  private volatile boolean readyOnce;
  private volatile boolean requesting; // so that replies must be received as well
  private volatile @Nullable String problem = "not connected yet"; // while there is no link that jnats looks after
  private volatile boolean closed;
  // On the connector's thread only
  private final List<Retired> retired = new ArrayList<>();
  private int attempt;
  private @Nullable String lastRefusal;
  private long nextAttemptAt = System.nanoTime();
  private long nextRefusedAttemptAt = System.nanoTime();

  /** A link that was replaced, when its subscriptions end, and when it is closed at the earliest. */
  private record Retired(NatsLink link, long drainAt, long closeAt) {}

  NatsConnector(Options template, Duration readyGrace, Duration maxReconnectWait) {
    this(template, readyGrace, maxReconnectWait, RETIREMENT);
  }

  NatsConnector(Options template, Duration readyGrace, Duration maxReconnectWait, Duration retirement) {
    this.template = template;
    this.readyGrace = readyGrace;
    this.retirement = retirement;
    this.maxWaitMillis = Math.max(1, maxReconnectWait.toMillis());
  }

  /** Starts to connect. */
  void start() {
    thread.scheduleWithFixedDelay(tryingOn("look after the connection to NATS", this::look),
        0, LOOK_MILLIS, TimeUnit.MILLISECONDS);
    deadlines.scheduleWithFixedDelay(
        tryingOn("end the requests whose time is over", () -> links.forEach(NatsLink::endOverdueWaits)),
        LOOK_MILLIS, LOOK_MILLIS, TimeUnit.MILLISECONDS);
  }

  /** Returns a task that never fails: what is thrown on ends all further runs of a scheduled task without a word. */
  static Runnable tryingOn(String what, Runnable task) {
    return () -> {
      try {
        task.run();
      } catch (RuntimeException | Error e) {
        log.error("Could not {}, trying on", what, e);
      }
    };
  }

  private void look() {
    lookAfterRetired();
    NatsLink link = current;
    Phase phase = link == null ? Phase.CLOSED : link.state().phase();
    if (link == null || phase == Phase.CLOSED || link.state().isLeaving()) {
      replace(link);
    } else if (phase == Phase.REFUSED) {
      replaceRefused(link);
    } else if (phase == Phase.SUBSCRIBING) {
      link.confirm();
    } else if (phase == Phase.READY) {
      readyOnce = true;
      lastRefusal = null;
    }
  }

  private void replaceRefused(NatsLink refused) {
    String refusal = refused.state().problem();
    if (!Objects.equals(refusal, lastRefusal)) {
      log.error("NATS refused a subscription: {}", refusal);
    }
    lastRefusal = refusal;
    if (System.nanoTime() - nextRefusedAttemptAt >= 0 && links.size() < MAX_LINKS) {
      replace(refused);
    }
  }

  private void replace(@Nullable NatsLink former) {
    if (System.nanoTime() - nextAttemptAt < 0) {
      return;
    }
    NatsLink next = new NatsLink(options(), template.getInboxPrefix(), sentMessages);
    try {
      next.connect();
      use(next, former);
      attempt = 0;
      nextRefusedAttemptAt = System.nanoTime() + REFUSED_WAIT.toNanos();
    } catch (InterruptedException e) { // by close(), or too late by NatsDataPort: then the next look tries again
      close(next);
    } catch (IOException | RuntimeException e) {
      close(next); // and so its state has heard all
      failed(e, next.state().problem());
      nextAttemptAt = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(waitMillis(attempt++));
    }
  }

  private void failed(Exception e, @Nullable String why) {
    String cause = NatsLinkState.describe(e);
    if (why != null && !(e instanceof AuthenticationException)) {
      cause += ": " + NatsConnectionState.masked(why);
    }
    String known = problem;
    if (known == null || !known.startsWith(cause)) { // the server's words do not arrive each time
      log.warn("Cannot connect to NATS, trying on: {}", cause);
      problem = cause;
    }
  }

  /** Makes the link the current one and moves all subscriptions to it; returns when the server knows them. */
  private void use(NatsLink next, @Nullable NatsLink former) {
    List<NatsSubscription> moving;
    lock.lock();
    try {
      if (closed) {
        next.close();
        return;
      }
      links.add(next); // from now on, it gets what is added
      if (requesting) {
        next.subscribeInbox();
      }
      moving = List.copyOf(subscriptions);
    } finally {
      lock.unlock();
    }
    moving.stream().filter(NatsSubscription::isNeeded).forEach(needed -> move(needed, former, next));
    next.confirm();
    // After what is needed, which comes first where the server limits the number of subscriptions
    moving.stream().filter(other -> !other.isNeeded()).forEach(other -> move(other, former, next));
    next.confirm();
    current = next;
    readyOnce |= next.state().phase() == Phase.READY;
    problem = null;
    if (former == null || former.state().phase() != Phase.REFUSED) {
      log.info("Connected to NATS at {}", NatsConnectionState.masked(next.server()));
    }
    if (former != null) {
      retire(former);
    }
  }

  private void move(NatsSubscription subscription, @Nullable NatsLink former, NatsLink next) {
    if (!subscription.overlaps() && former != null) {
      // Two would get each message twice: rather a gap. Without the lock, which nobody is to wait for so long.
      former.drain(subscription, DRAIN_TIMEOUT);
    }
    lock.lock();
    try {
      if (subscriptions.contains(subscription)) { // it may have ended meanwhile
        next.subscribe(subscription);
      }
    } finally {
      lock.unlock();
    }
  }

  private void retire(NatsLink former) {
    former.state().superseded();
    if (former.state().phase() == Phase.CLOSED) {
      close(former);
      return;
    }
    Duration stays = former.state().phase() == Phase.REFUSED && retirement.compareTo(REFUSED_RETIREMENT) > 0
        ? REFUSED_RETIREMENT : retirement;
    long now = System.nanoTime();
    retired.add(new Retired(former, now + OVERLAP.toNanos(), now + stays.toNanos()));
  }

  private void lookAfterRetired() {
    long now = System.nanoTime();
    retired.removeIf(former -> {
      if (now - former.drainAt() >= 0) {
        former.link().drainAll();
      }
      boolean over = now - former.closeAt() >= 0 && !former.link().isAwaitingReplies();
      if (over) {
        close(former.link());
      }
      return over;
    });
  }

  private void close(NatsLink link) {
    link.close();
    links.remove(link);
  }

  private Options.Builder options() {
    Options.Builder options = new Options.Builder(template);
    if (template.getDataPortType().equals(Options.DEFAULT_DATA_PORT_TYPE)) {
      options.dataPortType(NatsDataPort.class.getName());
      if (template.isTLSRequired()) {
        // In the other modes jnats connects to an address, and the name that the certificate must show is lost
        options.hostnameResolveMode(Options.HostnameResolveMode.HappyEyeballs);
      }
    }
    return options
        .serverPool(servers)
        .maxReconnects(-1)
        .reconnectBufferSize(0)
        .reconnectDelayHandler(rounds -> Duration.ofMillis(waitMillis(rounds)))
        .statisticsCollector(statistics);
  }

  /** Doubles from 50 ms up to the maximum; the upper half is random, so that clients do not come back all at once. */
  private long waitMillis(long attempt) {
    long wait = Math.min(maxWaitMillis, FIRST_WAIT_MILLIS << Math.min(attempt, 16));
    return wait / 2 + ThreadLocalRandom.current().nextLong(wait / 2 + 1);
  }

  /**
   * Returns the link to send on now.
   *
   * @throws BrokerException if there is none
   */
  NatsLink connected() {
    NatsLink link = current;
    if (link == null || !link.isConnected()) {
      throw new BrokerException(Reason.BROKER_UNAVAILABLE, NatsLink.UNAVAILABLE);
    }
    return link;
  }

  /**
   * Returns the link to send a request on now.
   *
   * @throws BrokerException if there is none
   */
  NatsLink requester() {
    requesting = true;
    return connected();
  }

  /** Adds a subscription; returns when the server knows it, if there is one to tell. */
  void add(NatsSubscription subscription) {
    NatsLink newest;
    lock.lock();
    try {
      if (closed) {
        throw new IllegalStateException("the messaging transport is closed");
      }
      subscriptions.add(subscription);
      newest = links.isEmpty() ? null : links.get(links.size() - 1);
      if (newest == null || newest.state().phase() == Phase.CLOSED) {
        return;
      }
      newest.subscribe(subscription);
    } finally {
      lock.unlock();
    }
    newest.confirm();
  }

  long pending(NatsSubscription subscription) {
    long pending = 0;
    for (NatsLink link : links) {
      pending += link.pending(subscription);
    }
    return pending;
  }

  /** Ends a subscription, and hands what the servers have sent to its receiver; returns whether that was done in time. */
  boolean drain(NatsSubscription subscription, Duration timeout) {
    remove(subscription);
    long deadline = System.nanoTime() + timeout.toNanos();
    boolean drained = true;
    for (NatsLink link : links) {
      drained &= link.drain(subscription, Duration.ofNanos(Math.max(1, deadline - System.nanoTime())));
    }
    return drained;
  }

  /** Ends a subscription at once. */
  void close(NatsSubscription subscription) {
    remove(subscription);
    links.forEach(link -> link.close(subscription));
  }

  private void remove(NatsSubscription subscription) {
    lock.lock();
    try {
      subscriptions.remove(subscription);
    } finally {
      lock.unlock();
    }
  }

  boolean isReady() {
    NatsLink link = current;
    if (closed || link == null) {
      return false;
    }
    return switch (link.state().phase()) {
      case READY -> true;
      case CONNECTING, REFUSED -> false;
      case SUBSCRIBING, LOST, CLOSED ->
          readyOnce && System.nanoTime() - link.state().lostAt() <= readyGrace.toNanos();
    };
  }

  @Nullable String serverAddress() {
    NatsLink link = current;
    return link == null ? null : link.state().serverAddress();
  }

  NatsConnectionState state() {
    NatsLink link = current;
    if (link == null) {
      return new NatsConnectionState(Status.DISCONNECTED, null, problem);
    }
    String own = link.state().problem();
    return new NatsConnectionState(link.status(), link.server(),
        link.state().phase() == Phase.CLOSED && problem != null ? problem : own);
  }

  /** Returns how many connections there are: the current one, and those replaced that still wait for replies. */
  int links() {
    return links.size();
  }

  Statistics statistics() {
    return statistics;
  }

  @Override
  public void close() {
    closed = true;
    thread.shutdownNow(); // interrupts an attempt to connect
    lock.lock(); // use() has either added its link, or sees that all is closed
    try {
      subscriptions.clear();
    } finally {
      lock.unlock();
    }
    links.forEach(this::close);
    deadlines.shutdownNow();
  }
}
