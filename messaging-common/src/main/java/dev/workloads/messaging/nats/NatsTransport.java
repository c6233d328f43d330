package dev.workloads.messaging.nats;

import dev.workloads.messaging.BrokerException;
import dev.workloads.messaging.BrokerException.Reason;
import dev.workloads.messaging.BrokerMessage;
import dev.workloads.messaging.MessageTransport;
import dev.workloads.messaging.Subjects;
import io.nats.client.Connection;
import io.nats.client.JetStreamStatusException;
import io.nats.client.Message;
import io.nats.client.Options;
import io.nats.client.Statistics;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Carries messages over NATS.
 *
 * <p>Connects in the background and for ever; while there is no connection, requests and publishes are refused at once. A
 * request on the way when the connection breaks waits for its own timeout: the reply may come after the reconnect.
 */
public final class NatsTransport implements MessageTransport {

  private final NatsConnector connector;

  /**
   * Creates the transport and starts to connect.
   *
   * @param options servers, credentials, TLS, intervals and names; what the transport's own guarantees rest on is set over
   *     them: unlimited reconnects, no buffer while reconnecting, no-responders reports
   * @param readyGrace how long a lost connection leaves the transport ready
   * @param maxReconnectWait the longest pause between two attempts to connect
   */
  public NatsTransport(Options options, Duration readyGrace, Duration maxReconnectWait) {
    this.connector = new NatsConnector(options, readyGrace, maxReconnectWait);
  }

  @Override
  public void publish(BrokerMessage message) {
    // jnats silently drops what an interrupted thread publishes; handing over does not block, so the flag can wait
    boolean interrupted = Thread.interrupted();
    try {
      send(message, connector.connectionTo(message.subject()), connection -> {
        connection.publish(message.subject(), message.replyTo(), NatsMessages.headers(message), message.body());
        return true;
      });
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  @Override
  public BrokerMessage request(BrokerMessage message, Duration timeout) {
    if (Thread.currentThread().isInterrupted()) {
      throw interrupted(null);
    }
    CompletableFuture<Message> reply = send(message, connector.connected(), connection ->
        connection.requestWithTimeout(message.subject(), NatsMessages.headers(message), message.body(), timeout));
    try {
      // Not get(timeout): a timed park of a virtual thread wakes the JDK's timer thread each time. jnats' clean-up task
      // ends this wait within REQUEST_CLEANUP_INTERVAL of the timeout, and close() ends it at once.
      return NatsMessages.toBrokerMessage(reply.get());
    } catch (InterruptedException e) {
      reply.cancel(false);
      Thread.currentThread().interrupt();
      throw interrupted(e);
    } catch (CancellationException e) { // how jnats ends it on close, and get() does not wrap that
      throw failure(e, message.subject(), timeout);
    } catch (ExecutionException e) {
      throw failure(e.getCause(), message.subject(), timeout);
    }
  }

  @Override
  public Subscription subscribe(List<String> patterns, @Nullable String group, Consumer<BrokerMessage> receiver) {
    Subjects.requireSubscription(patterns, group);
    NatsSubscription subscription = new NatsSubscription(connector.subscriptions(), patterns, group, receiver);
    connector.add(subscription);
    return subscription;
  }

  @Override
  public boolean isReady() {
    return connector.isReady();
  }

  /** Returns the state of the connection. */
  public NatsConnectionState connectionState() {
    return connector.state();
  }

  /** Returns what jnats has counted since the transport was created, over all its connections. */
  public Statistics statistics() {
    return connector.statistics();
  }

  /** Sends what was published, waiting at most a second for that, and closes the connection. */
  @Override
  public void close() {
    connector.close();
  }

  private static <T> T send(BrokerMessage message, Connection connection, Function<Connection, T> call) {
    message.requireSendable(connection.getMaxPayload());
    try {
      return call.apply(connection);
    } catch (IllegalStateException e) {
      // Closed, closing, just lost, or its outgoing queue is full: either way jnats did not take the message
      throw new BrokerException(Reason.BROKER_UNAVAILABLE, NatsConnector.UNAVAILABLE, e);
    } catch (IllegalArgumentException e) {
      message.requireSendable(connection.getMaxPayload()); // the limit may be that of another server by now
      throw e;
    }
  }

  private static BrokerException failure(@Nullable Throwable cause, String subject, Duration timeout) {
    if (cause instanceof JetStreamStatusException) { // how jnats reports a 503 status, for core requests too
      return new BrokerException(Reason.NO_RESPONDERS, "nobody is subscribed to " + subject, cause);
    }
    if (cause instanceof TimeoutException) {
      return new BrokerException(Reason.TIMEOUT, "no reply within " + timeout.toMillis() + " ms", cause);
    }
    return new BrokerException(Reason.TIMEOUT, "closed while waiting for the reply", cause);
  }

  private static BrokerException interrupted(@Nullable InterruptedException cause) {
    return new BrokerException(Reason.TIMEOUT, "interrupted while waiting for the reply", cause);
  }
}
