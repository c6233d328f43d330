package dev.workloads.messaging.nats;

import dev.workloads.messaging.BrokerMessage;
import io.nats.client.Connection;
import io.nats.client.Connection.Status;
import io.nats.client.Dispatcher;
import io.nats.client.MessageHandler;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One subscription on one connection. Safe for use by many threads.
 *
 * <p>Threads: a dispatcher of jnats, which is one thread, calls the handler. Each drain has a thread, {@code nats-drain}.
 */
final class NatsLinkSubscription {

  private static final Logger log = LoggerFactory.getLogger(NatsLinkSubscription.class);
  private static final long DRAIN_LOOK_MILLIS = 2;
  // How much waits between socket and handler. Handlers are quick: no more piles up than comes in during a pause of the JVM.
  private static final long MAX_PENDING_MESSAGES = 65_536;
  private static final long MAX_PENDING_BYTES = Math.max(4L << 20, BrokerMessage.DEFAULT_MAX_KEPT);

  private final Connection connection;
  private final NatsPings pings;
  private final Dispatcher dispatcher;

  /** Creates a subscription to nothing yet. */
  NatsLinkSubscription(Connection connection, NatsPings pings, MessageHandler handler) {
    this.connection = connection;
    this.pings = pings;
    this.dispatcher = connection.createDispatcher(handler);
    dispatcher.setPendingLimits(MAX_PENDING_MESSAGES, MAX_PENDING_BYTES);
  }

  /** Subscribes to the patterns, in the group if there is one; does not wait for the server. */
  void subscribe(List<String> patterns, @Nullable String group) {
    for (String pattern : patterns) {
      if (group == null) {
        dispatcher.subscribe(pattern);
      } else {
        dispatcher.subscribe(pattern, group);
      }
    }
  }

  /** Returns how many messages wait for the handler. */
  long pending() {
    return dispatcher.getPendingMessageCount();
  }

  /**
   * Ends the subscription, and hands what the server has sent to the handler; blocks no longer than the timeout, and no
   * longer than there is a connection over which more may come.
   *
   * @return whether all was handed over in time
   */
  boolean drain(Duration timeout) {
    if (!dispatcher.isActive()) {
      return true;
    }
    long deadline = System.nanoTime() + timeout.toNanos();
    FutureTask<Boolean> drained = new FutureTask<>(() -> drainUntil(deadline));
    new DaemonThreadFactory("nats-drain").newThread(drained).start();
    try {
      return await(drained);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (ExecutionException e) {
      log.debug("A drain failed", e);
    }
    return false;
  }

  private boolean await(Future<Boolean> drained) throws InterruptedException, ExecutionException {
    // jnats waits for a lost connection to return, and it tells nobody when a queue is empty: it looks each millisecond
    while (!drained.isDone() && (isConnected() || pending() > 0)) {
      TimeUnit.MILLISECONDS.sleep(DRAIN_LOOK_MILLIS);
    }
    return drained.isDone() && isConnected() ? drained.get() : pending() == 0;
  }

  private boolean drainUntil(long deadline) throws InterruptedException, ExecutionException, TimeoutException {
    boolean drained = pings.inTurn(deadline, dispatcher::drain)
        .get(deadline - System.nanoTime(), TimeUnit.NANOSECONDS);
    return drained && System.nanoTime() < deadline; // at its timeout jnats stops the dispatcher and calls it drained
  }

  private boolean isConnected() {
    return connection.getStatus() == Status.CONNECTED;
  }

  /** Ends the subscription at once; does nothing to one that jnats is about to drain. */
  void close() {
    try {
      if (dispatcher.isActive()) {
        connection.closeDispatcher(dispatcher);
      }
    } catch (RuntimeException e) { // mostly it is closed already; nothing else is to be left open for it
      log.debug("Could not end a subscription", e);
    }
  }
}
