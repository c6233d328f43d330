package dev.workloads.messaging.nats;

import static java.util.Objects.requireNonNull;

import dev.workloads.messaging.BrokerException;
import dev.workloads.messaging.BrokerException.Reason;
import dev.workloads.messaging.BrokerMessage;
import io.nats.client.Connection;
import io.nats.client.Connection.Status;
import io.nats.client.Dispatcher;
import io.nats.client.Message;
import io.nats.client.NUID;
import io.nats.client.Nats;
import io.nats.client.Options;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.FutureTask;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One connection to NATS and what lives and dies with it: its callbacks, its dispatchers, its state. jnats brings it back
 * when it is lost; what jnats gives up for good, or what has to move, its owner replaces.
 *
 * <p>Threads: any may send and subscribe. One thread of the link's own, {@code nats-callbacks}, runs jnats' callbacks in
 * their order. Each subscription has a dispatcher, which is one thread of jnats. Each drain has a thread, {@code nats-drain}.
 */
final class NatsLink implements AutoCloseable {

  static final String UNAVAILABLE = "not connected to the message broker";

  private static final Logger log = LoggerFactory.getLogger(NatsLink.class);
  private static final Duration FLUSH_TIMEOUT = Duration.ofSeconds(2);
  private static final Duration CLOSING_FLUSH_TIMEOUT = Duration.ofSeconds(1);
  private static final long DRAIN_LOOK_MILLIS = 2;
  // Between socket and receiver. The receiver is quick, so this is no more than a pause of the JVM may pile up.
  private static final long MAX_PENDING_MESSAGES = 65_536;
  private static final long MAX_PENDING_BYTES = Math.max(4L << 20, Runtime.getRuntime().maxMemory() / 8);

  private final Options options;
  private final NatsInbox inbox;
  private final NatsLinkState state;
  private final LongAdder sentMessages;
  private final ThreadPoolExecutor callbacks = new ThreadPoolExecutor(0, 1, 1, TimeUnit.SECONDS,
      new LinkedBlockingQueue<>(), daemonThreads("nats-callbacks"));
  private final Map<NatsSubscription, Dispatcher> dispatchers = new ConcurrentHashMap<>();
  private final Lock lock = new ReentrantLock();
  // Each flush is a ping, and jnats drops a connection that a third one waits on: its own, and one of ours at a time
  private final Lock flushing = new ReentrantLock();
  private volatile boolean inboxSubscribed; // changed under the lock
  private volatile @Nullable Connection connection;

  static ThreadFactory daemonThreads(String name) {
    return task -> {
      Thread thread = new Thread(task, name);
      thread.setDaemon(true);
      return thread;
    };
  }

  /**
   * Creates a link that is not connected yet.
   *
   * @param sentMessages counts what jnats has taken
   */
  NatsLink(Options.Builder options, String inboxPrefix, LongAdder sentMessages) {
    this.sentMessages = sentMessages;
    this.inbox = new NatsInbox(inboxPrefix + NUID.nextGlobal() + ".");
    this.state = new NatsLinkState(inbox::refused, this::doesWithout);
    this.options = options.callbackExecutor(callbacks).connectionListener(state::onEvent).errorListener(state).build();
  }

  /**
   * Tries each server once, the last one connected to at the end; blocks for that long.
   *
   * @throws IOException if there is no connection; the state says why once {@link #close()} has returned
   */
  void connect() throws IOException, InterruptedException {
    Connection connected = Nats.connect(options);
    connection = connected;
    callbacks.execute(() -> state.connected(connected));
  }

  NatsLinkState state() {
    return state;
  }

  boolean isConnected() {
    return status() == Status.CONNECTED;
  }

  Status status() {
    Connection current = connection;
    return current == null ? Status.DISCONNECTED : current.getStatus();
  }

  /** Returns the server connected to, or {@code null}. */
  @Nullable String server() {
    Connection current = connection;
    return current == null || !isConnected() ? null : current.getConnectedUrl();
  }

  /**
   * Subscribes, unless it has; the server knows of it when {@link #confirm} has returned, or after a reconnect.
   *
   * @throws IllegalStateException if the connection is closed
   */
  void subscribe(NatsSubscription subscription) {
    if (dispatchers.containsKey(subscription)) {
      return;
    }
    state.subscribing(subscription.isNeeded());
    Dispatcher dispatcher = requireNonNull(connection).createDispatcher(message -> receive(subscription, message));
    dispatcher.setPendingLimits(MAX_PENDING_MESSAGES, MAX_PENDING_BYTES);
    dispatchers.put(subscription, dispatcher); // before the server may refuse it
    String group = subscription.group();
    for (String pattern : subscription.patterns()) {
      if (group == null) {
        dispatcher.subscribe(pattern);
      } else {
        dispatcher.subscribe(pattern, group);
      }
    }
  }

  /** Returns whether the application does without what the server has refused; then the log says so once. */
  private boolean doesWithout(String pattern, String error) {
    List<NatsSubscription> refused =
        dispatchers.keySet().stream().filter(each -> each.patterns().contains(pattern)).toList();
    if (refused.isEmpty() || refused.stream().anyMatch(NatsSubscription::isNeeded)) {
      return false;
    }
    refused.stream().filter(each -> !each.refusalTold().getAndSet(true)).forEach(each -> log.warn(
        "NATS refused a subscription: {}. Without it {}. Give this user the right to subscribe; it is used from the next "
            + "connection on", error, each.options().withoutIt()));
    return true;
  }

  /** Subscribes to the replies to requests, unless it has; no request is sent before. */
  void subscribeInbox() {
    if (inboxSubscribed) {
      return;
    }
    lock.lock();
    try {
      if (!inboxSubscribed) {
        state.subscribing(true);
        requireNonNull(connection).createDispatcher(inbox::receive).subscribe(inbox.pattern());
        inboxSubscribed = true;
      }
    } catch (IllegalStateException e) {
      throw new BrokerException(Reason.BROKER_UNAVAILABLE, UNAVAILABLE, e);
    } finally {
      lock.unlock();
    }
  }

  /** Returns whether a request of this link still waits for its reply. */
  boolean isAwaitingReplies() {
    return inbox.isAwaitingReplies();
  }

  /** Ends the waits for replies whose time is over. */
  void endOverdueWaits() {
    inbox.endOverdueWaits();
  }

  private void receive(NatsSubscription subscription, Message message) {
    try {
      subscription.receiver().receive(NatsMessages.toBrokerMessage(message), this::publish);
    } catch (Throwable e) { // jnats would tell nobody
      log.error("The receiver of {} failed", subscription, e);
    }
  }

  /**
   * Waits until the server knows all subscriptions and what it refused of them is known, no longer than two seconds. Then
   * the link is ready if no subscription that is needed was refused.
   */
  void confirm() {
    long lostBefore = state.lostAt();
    if (flush(FLUSH_TIMEOUT)) {
      try {
        // The callbacks of refusals come first: the server sent them before its answer to the flush
        callbacks.submit(() -> state.confirmed(lostBefore)).get(FLUSH_TIMEOUT.toMillis(), TimeUnit.MILLISECONDS);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      } catch (ExecutionException | TimeoutException e) {
        log.debug("The subscriptions were not confirmed", e);
      }
    }
  }

  private boolean flush(Duration timeout) {
    long deadline = System.nanoTime() + timeout.toNanos();
    try {
      if (!flushing.tryLock(timeout.toNanos(), TimeUnit.NANOSECONDS)) {
        return false;
      }
      try {
        connection().flush(left(deadline));
        return true;
      } finally {
        flushing.unlock();
      }
    } catch (TimeoutException | IllegalStateException | BrokerException e) {
      log.debug("The NATS server did not answer in time: {}", e.toString());
      return false;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return false;
    }
  }

  // jnats takes zero for no end
  private static Duration left(long deadline) {
    return Duration.ofNanos(Math.max(1, deadline - System.nanoTime()));
  }

  /** Returns how many messages of the subscription wait for its receiver. */
  long pending(NatsSubscription subscription) {
    Dispatcher dispatcher = dispatchers.get(subscription);
    return dispatcher == null ? 0 : dispatcher.getPendingMessageCount();
  }

  /**
   * Ends a subscription, and hands what the server has sent to its receiver; blocks no longer than the timeout, and no longer
   * than there is a connection over which more may come.
   *
   * @return whether all was handed over in time
   */
  boolean drain(NatsSubscription subscription, Duration timeout) {
    Dispatcher dispatcher = dispatchers.get(subscription);
    if (dispatcher == null || !dispatcher.isActive()) {
      close(subscription);
      return true;
    }
    long deadline = System.nanoTime() + timeout.toNanos();
    Future<Boolean> drained = isConnected() ? startDrain(dispatcher, deadline) : CompletableFuture.completedFuture(true);
    try {
      while (isConnected() ? !drained.isDone() : dispatcher.getPendingMessageCount() > 0) {
        if (System.nanoTime() - deadline >= 0) {
          throw new TimeoutException("not finished within " + timeout);
        }
        TimeUnit.MILLISECONDS.sleep(DRAIN_LOOK_MILLIS);
      }
      return !drained.isDone() || !isConnected() || drained.get();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return false;
    } catch (ExecutionException | TimeoutException e) {
      log.warn("Could not drain the subscription to {}: {}", subscription, e.toString());
      return false;
    } finally {
      close(subscription); // does nothing to one that jnats is still about to drain
    }
  }

  // On a thread of its own: jnats waits for a lost connection to return
  private Future<Boolean> startDrain(Dispatcher dispatcher, long deadline) {
    FutureTask<Boolean> drained = new FutureTask<>(() -> drain(dispatcher, deadline));
    daemonThreads("nats-drain").newThread(drained).start();
    return drained;
  }

  private boolean drain(Dispatcher dispatcher, long deadline)
      throws InterruptedException, ExecutionException, TimeoutException {
    if (!flushing.tryLock(deadline - System.nanoTime(), TimeUnit.NANOSECONDS)) {
      return false;
    }
    CompletableFuture<Boolean> drained;
    try {
      drained = dispatcher.drain(left(deadline)); // waits for the server up to then
    } finally {
      flushing.unlock();
    }
    // When jnats gives up, it stops the dispatcher and then takes it for drained
    return drained.get(deadline - System.nanoTime(), TimeUnit.NANOSECONDS) && System.nanoTime() < deadline;
  }

  /** Ends all subscriptions as {@link #drain} does. */
  void drainAll() {
    dispatchers.keySet().forEach(subscription -> drain(subscription, FLUSH_TIMEOUT));
  }

  /** Ends a subscription at once. */
  void close(NatsSubscription subscription) {
    Dispatcher dispatcher = dispatchers.remove(subscription);
    try {
      if (dispatcher != null && dispatcher.isActive()) {
        requireNonNull(connection).closeDispatcher(dispatcher);
      }
    } catch (RuntimeException e) { // mostly it is closed already; nothing else is to be left open for it
      log.debug("Could not end the subscription to {}: {}", subscription, e.toString());
    }
  }

  /**
   * Sends a request and blocks for its reply.
   *
   * @throws BrokerException if there is none
   */
  BrokerMessage request(BrokerMessage message, Duration timeout) {
    subscribeInbox();
    return inbox.request(message, timeout, replyTo -> publish(message, replyTo));
  }

  /**
   * Sends a message.
   *
   * @throws BrokerException if jnats did not take it
   */
  void publish(BrokerMessage message) {
    publish(message, message.replyTo());
  }

  private void publish(BrokerMessage message, @Nullable String replyTo) {
    Connection connected = connection();
    message.requireSendable(connected.getMaxPayload());
    // jnats silently drops what an interrupted thread publishes; handing over does not block, so the flag can wait
    boolean interrupted = Thread.interrupted();
    try {
      connected.publish(message.subject(), replyTo, NatsMessages.headers(message), message.body());
      sentMessages.increment();
    } catch (IllegalStateException e) {
      // Closed, closing, just lost, or its outgoing queue is full: either way jnats did not take the message
      throw new BrokerException(Reason.BROKER_UNAVAILABLE, UNAVAILABLE, e);
    } catch (IllegalArgumentException e) {
      message.requireSendable(connected.getMaxPayload()); // the limit may be that of another server by now
      throw e;
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  /**
   * Returns the most bytes that the server takes of a message.
   *
   * @throws BrokerException if there is no connection
   */
  long maxPayload() {
    return connection().getMaxPayload();
  }

  private Connection connection() {
    Connection current = connection;
    if (current == null || current.getStatus() != Status.CONNECTED) {
      throw new BrokerException(Reason.BROKER_UNAVAILABLE, UNAVAILABLE);
    }
    return current;
  }

  /** Sends what was published, waiting at most a second for that, and closes the connection; its callbacks come to their end. */
  @Override
  public void close() {
    state.superseded();
    try {
      closeConnection();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (RuntimeException e) {
      log.warn("The connection to NATS did not close in order", e);
    }
    inbox.close();
    callbacks.shutdown();
    try {
      callbacks.awaitTermination(CLOSING_FLUSH_TIMEOUT.toMillis(), TimeUnit.MILLISECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void closeConnection() throws InterruptedException {
    Connection closing = connection;
    if (closing != null) {
      if (isConnected()) {
        flush(CLOSING_FLUSH_TIMEOUT);
      }
      closing.close();
    }
  }
}
