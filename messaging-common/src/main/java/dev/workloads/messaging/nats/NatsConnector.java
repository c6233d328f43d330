package dev.workloads.messaging.nats;

import dev.workloads.messaging.nats.NatsLinkState.Phase;
import io.nats.client.AuthenticationException;
import io.nats.client.Options;
import io.nats.client.Statistics;
import java.io.IOException;
import java.time.Duration;
import java.util.Objects;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Decides which link to NATS is the current one: makes the first, and replaces one that jnats has given up, whose server is
 * about to stop, or which was refused a subscription. All subscriptions move along.
 *
 * <p>Threads: one daemon thread, {@code nats-connector}, looks at the current link every 50 ms and does what is due; another,
 * {@code nats-deadlines}, which nothing blocks, ends the requests whose time is over; callers add and remove subscriptions on
 * their own ones.
 */
final class NatsConnector implements AutoCloseable {

  private static final Logger log = LoggerFactory.getLogger(NatsConnector.class);
  private static final long LOOK_MILLIS = 50;
  // How soon a subscription that was refused is tried again: the server may have been given other permissions
  private static final Duration REFUSED_WAIT = Duration.ofSeconds(2);
  // How long both the former and the new subscription stay where they may overlap. The servers of a cluster tell each other of
  // subscriptions with a delay. One may still send a message towards the former subscription; if that has gone, its server drops
  // the message unless it knows the new one.
  private static final Duration OVERLAP = Duration.ofMillis(500);
  // How long a replaced link stays for the replies of handlers. Later replies go over the current link. The replies to the
  // requests of a replaced link come only there: it stays until the last request has ended, too.
  static final Duration RETIREMENT = Duration.ofSeconds(60);
  private static final Duration REFUSED_RETIREMENT = Duration.ofSeconds(10); // where a new one comes every 2 s
  private static final int MAX_LINKS = 10; // with so many, a link that was refused a subscription is not replaced

  private final NatsLinkFactory factory;
  private final Duration readyGrace;
  private final Duration retirement;
  private final ScheduledThreadPoolExecutor thread =
      new ScheduledThreadPoolExecutor(1, new DaemonThreadFactory("nats-connector"), new ThreadPoolExecutor.DiscardPolicy());
  private final ScheduledThreadPoolExecutor deadlines =
      new ScheduledThreadPoolExecutor(1, new DaemonThreadFactory("nats-deadlines"));
  private final NatsLinks links = new NatsLinks();
  private volatile NatsLink current; // at first one that was never connected
  private volatile boolean readyOnce;
  private volatile @Nullable String problem = "not connected yet"; // why there is no link that jnats keeps up, if so
  // On the connector's thread only
  private int attempt;
  private @Nullable String lastRefusal;
  private long nextAttemptAt = System.nanoTime();
  private long currentSince;

  NatsConnector(Options template, Duration readyGrace, Duration maxReconnectWait, Duration retirement) {
    this.factory = new NatsLinkFactory(template, maxReconnectWait);
    this.readyGrace = readyGrace;
    this.retirement = retirement;
    this.current = factory.newLink();
  }

  /** Starts to connect. */
  void start() {
    thread.scheduleWithFixedDelay(guarded("look after the connection to NATS", this::look),
        0, LOOK_MILLIS, TimeUnit.MILLISECONDS);
    deadlines.scheduleWithFixedDelay(guarded("end the requests whose time is over", links::endOverdueWaits),
        LOOK_MILLIS, LOOK_MILLIS, TimeUnit.MILLISECONDS);
  }

  /** Returns a task that never fails: an executor ends a repeated task without a word when the task throws. */
  static Runnable guarded(String what, Runnable task) {
    return () -> {
      try {
        task.run();
      } catch (RuntimeException | Error e) {
        log.error("Failed to {}. The connection stays as it is; report this error, and restart the application if it repeats",
            what, e);
      }
    };
  }

  private void look() {
    NatsLink link = current;
    switch (link.state().phase()) {
      case CLOSED, LEAVING -> replace(link);
      case REFUSED -> replaceRefused(link);
      case SUBSCRIBING -> link.confirm();
      case READY -> {
        readyOnce = true;
        lastRefusal = null;
      }
      case LOST -> { } // jnats tries to bring it back
    }
  }

  private void replaceRefused(NatsLink refused) {
    String refusal = refused.state().problem();
    if (!Objects.equals(refusal, lastRefusal)) {
      log.error("NATS refused a subscription: {}. The application is not ready without it. Give this user the right to "
          + "subscribe; every 2 s another connection tries it", refusal);
    }
    lastRefusal = refusal;
    if (System.nanoTime() - currentSince >= REFUSED_WAIT.toNanos() && links.size() < MAX_LINKS) {
      replace(refused);
    }
  }

  private void replace(NatsLink former) {
    if (System.nanoTime() - nextAttemptAt < 0) {
      return;
    }
    NatsLink next = factory.newLink();
    try {
      next.connect();
      links.add(next, former);
      use(next, former);
    } catch (InterruptedException | CancellationException e) {
      // close() ended the attempt, or NatsDataPort did so too late: then the next look tries again
      links.close(next);
    } catch (IOException | RuntimeException e) {
      links.close(next); // waits until its state has heard all
      failed(e, next.state().problem());
    }
  }

  private void failed(Exception e, @Nullable String why) {
    nextAttemptAt = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(factory.waitMillis(attempt++));
    String cause = NatsLinkErrors.describe(e);
    if (why != null && !(e instanceof AuthenticationException)) {
      cause += ": " + NatsConnectionState.masked(why);
    }
    String known = problem;
    if (known == null || !known.startsWith(cause)) { // the server's words do not arrive each time
      log.warn("Cannot connect to NATS: {}. The attempts go on; check the address, the login and the server", cause);
      problem = cause;
    }
  }

  private void use(NatsLink next, NatsLink former) {
    current = next;
    readyOnce |= next.state().phase() == Phase.READY;
    attempt = 0;
    currentSince = System.nanoTime();
    problem = null;
    boolean refused = former.state().phase() == Phase.REFUSED;
    if (!refused) {
      log.info("Connected to NATS at {}", NatsConnectionState.masked(next.server()));
    }
    former.state().superseded();
    thread.schedule(guarded("end the subscriptions of a replaced connection", former::drainAll),
        OVERLAP.toMillis(), TimeUnit.MILLISECONDS);
    closeAfter((refused ? REFUSED_RETIREMENT : retirement).toMillis(), former);
  }

  private void closeAfter(long millis, NatsLink former) {
    thread.schedule(guarded("close a replaced connection", () -> {
      if (former.inbox().isAwaitingReplies()) {
        closeAfter(LOOK_MILLIS, former);
      } else {
        links.close(former);
      }
    }), millis, TimeUnit.MILLISECONDS);
  }

  /** Returns the link to send on. */
  NatsLink current() {
    return current;
  }

  boolean isReady() {
    NatsLinkState state = current.state();
    return !thread.isShutdown() && switch (state.phase()) {
      case READY -> true;
      case LEAVING -> readyOnce;
      case REFUSED -> false;
      case SUBSCRIBING, LOST, CLOSED -> readyOnce && System.nanoTime() - state.lostAt() <= readyGrace.toNanos();
    };
  }

  NatsConnectionState state() {
    NatsLink link = current;
    String reason = link.state().phase() == Phase.CLOSED ? problem : null;
    return new NatsConnectionState(link.status(), link.server(), reason == null ? link.state().problem() : reason);
  }

  /** Returns all links and what is subscribed to on them. */
  NatsLinks links() {
    return links;
  }

  Statistics statistics() {
    return factory.statistics();
  }

  @Override
  public void close() {
    thread.shutdownNow(); // interrupts an attempt to connect
    links.close();
    deadlines.shutdownNow();
  }
}
