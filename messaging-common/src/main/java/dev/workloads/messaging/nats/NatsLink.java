package dev.workloads.messaging.nats;

import static java.util.Objects.requireNonNull;

import dev.workloads.messaging.BrokerException;
import dev.workloads.messaging.BrokerException.Reason;
import dev.workloads.messaging.BrokerMessage;
import io.nats.client.Connection;
import io.nats.client.Connection.Status;
import io.nats.client.Message;
import io.nats.client.MessageHandler;
import io.nats.client.NUID;
import io.nats.client.Nats;
import io.nats.client.Options;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One connection to NATS and what lives and dies with it: its subscriptions, its inbox, its state. jnats brings it back
 * when it is lost. The link's owner replaces a link that jnats gives up for good, or that has to move.
 *
 * <p>Safe for use by many threads. One thread of the link's own, {@code nats-callbacks}, runs jnats' callbacks in their order.
 */
final class NatsLink implements AutoCloseable {

  static final String UNAVAILABLE = "not connected to the message broker";

  private static final Logger log = LoggerFactory.getLogger(NatsLink.class);
  private static final Duration SERVER_PATIENCE = Duration.ofSeconds(2);
  private static final Duration CLOSING_PATIENCE = Duration.ofSeconds(1);

  private final Options options;
  private final NatsInbox inbox;
  private final NatsLinkState state = new NatsLinkState();
  private final ThreadPoolExecutor callbacks = new ThreadPoolExecutor(0, 1, 1, TimeUnit.SECONDS,
      new LinkedBlockingQueue<>(), new DaemonThreadFactory("nats-callbacks"));
  private final NatsPings pings = new NatsPings();
  private final LongAdder sentMessages;
  private final Map<NatsSubscription, NatsLinkSubscription> subscriptions = new ConcurrentHashMap<>();
  private volatile boolean inboxSubscribed;
  private volatile @Nullable Connection connection;

  /**
   * Creates a link that is not connected yet.
   *
   * @param sentMessages counts what jnats has taken
   */
  NatsLink(Options.Builder options, String inboxPrefix, LongAdder sentMessages) {
    this.sentMessages = sentMessages;
    this.inbox = new NatsInbox(inboxPrefix + NUID.nextGlobal() + ".");
    this.options = options.callbackExecutor(callbacks).connectionListener(state::onEvent)
        .errorListener(new NatsLinkErrors(state, inbox, subscriptions.keySet())).build();
  }

  /**
   * Tries each server once, the last one connected to at the end; blocks for that long.
   *
   * @throws IOException if there is no connection; the state says why once {@link #close()} has returned
   */
  void connect() throws IOException, InterruptedException {
    connection = Nats.connect(options);
  }

  NatsLinkState state() {
    return state;
  }

  NatsInbox inbox() {
    return inbox;
  }

  Status status() {
    Connection current = connection;
    return current == null ? Status.DISCONNECTED : current.getStatus();
  }

  /** Returns the server connected to, or {@code null}. */
  @Nullable String server() {
    return status() == Status.CONNECTED ? requireNonNull(connection).getConnectedUrl() : null;
  }

  /**
   * Subscribes; the server knows of it when {@link #confirm} has returned, or after a reconnect.
   *
   * @throws IllegalStateException if the connection is closed
   */
  void subscribe(NatsSubscription subscription) {
    state.subscribing(subscription.isNeeded());
    NatsLinkSubscription ours = newSubscription(message -> receive(subscription, message));
    subscriptions.put(subscription, ours); // before the server may refuse it
    ours.subscribe(subscription.patterns(), subscription.group());
  }

  private NatsLinkSubscription newSubscription(MessageHandler handler) {
    return new NatsLinkSubscription(requireNonNull(connection), pings, handler);
  }

  private void receive(NatsSubscription subscription, Message message) {
    try {
      subscription.receiver().receive(NatsMessages.toBrokerMessage(message), this::publish);
    } catch (Throwable e) { // jnats would tell nobody
      log.error("The receiver of {} failed: its message is lost, and gets no reply", subscription, e);
    }
  }

  boolean isInboxSubscribed() {
    return inboxSubscribed;
  }

  /**
   * Subscribes to the replies to requests, unless it has; does not wait for the server.
   *
   * @throws BrokerException if there is no connection
   */
  synchronized void subscribeInbox() {
    if (!inboxSubscribed) {
      connection(); // or it is refused
      try {
        state.subscribing(true);
        newSubscription(inbox::receive).subscribe(List.of(inbox.pattern()), null);
        inboxSubscribed = true;
      } catch (IllegalStateException e) {
        throw new BrokerException(Reason.BROKER_UNAVAILABLE, UNAVAILABLE, e);
      }
    }
  }

  /**
   * Waits until the server knows all subscriptions and what it refused of them is known, no longer than four seconds. Then
   * the link is ready if no subscription that is needed was refused.
   */
  void confirm() {
    long lostBefore = state.lostAt();
    try {
      flush(SERVER_PATIENCE);
      // The callbacks of refusals come first: the server sent them before its answer to the flush
      callbacks.submit(() -> state.confirmed(lostBefore)).get(SERVER_PATIENCE.toMillis(), TimeUnit.MILLISECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (ExecutionException | TimeoutException | IllegalStateException | BrokerException e) {
      log.debug("The subscriptions were not confirmed", e);
    }
  }

  private void flush(Duration timeout) throws InterruptedException, TimeoutException {
    Connection connected = connection();
    pings.inTurn(System.nanoTime() + timeout.toNanos(), left -> {
      connected.flush(left);
      return true;
    });
  }

  /** Returns how many messages of the subscription wait for its receiver. */
  long pending(NatsSubscription subscription) {
    NatsLinkSubscription ours = subscriptions.get(subscription);
    return ours == null ? 0 : ours.pending();
  }

  /**
   * Ends a subscription, and hands what the server has sent to its receiver; blocks no longer than the timeout, and no longer
   * than there is a connection over which more may come.
   *
   * @return whether all was handed over in time
   */
  boolean drain(NatsSubscription subscription, Duration timeout) {
    NatsLinkSubscription ours = subscriptions.get(subscription);
    boolean drained = ours == null || ours.drain(timeout);
    if (!drained) {
      log.warn("The subscription to {} did not end within {} ms: messages that came in for it may be lost",
          subscription, timeout.toMillis());
    }
    close(subscription);
    return drained;
  }

  /** Ends all subscriptions as {@link #drain} does, but for the one to replies. */
  void drainAll() {
    subscriptions.keySet().forEach(subscription -> drain(subscription, SERVER_PATIENCE));
  }

  /** Ends a subscription at once, unless it is being drained. */
  void close(NatsSubscription subscription) {
    NatsLinkSubscription ours = subscriptions.remove(subscription);
    if (ours != null) {
      ours.close();
    }
  }

  /**
   * Sends a request and blocks for its reply.
   *
   * @throws BrokerException if there is none
   */
  BrokerMessage request(BrokerMessage message, Duration timeout) {
    if (!inboxSubscribed) {
      subscribeInbox();
    }
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
      callbacks.shutdown();
      callbacks.awaitTermination(CLOSING_PATIENCE.toMillis(), TimeUnit.MILLISECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } finally {
      inbox.close(); // last: no request can be sent any more
    }
  }

  private void closeConnection() throws InterruptedException {
    try (Connection closing = connection) {
      flush(CLOSING_PATIENCE);
    } catch (TimeoutException | RuntimeException e) {
      log.debug("The connection to NATS did not close in order", e);
    }
  }
}
