package dev.workloads.messaging.nats;

import io.nats.client.AuthenticationException;
import io.nats.client.Connection;
import io.nats.client.ConnectionListener.Events;
import io.nats.client.Consumer;
import io.nats.client.ErrorListener;
import io.nats.client.Message;
import java.time.Duration;
import java.util.Locale;
import java.util.concurrent.CancellationException;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.core.NestedExceptionUtils;

/**
 * Hears what becomes of the connection: keeps the state that health reports, and logs each change once.
 *
 * <p>Called on the connector's thread only, unless said otherwise; read by any.
 */
final class NatsListener implements ErrorListener {

  private static final Logger log = LoggerFactory.getLogger(NatsListener.class);

  private final NatsConnector connector;
  private volatile boolean verified;
  private volatile boolean verifiedOnce;
  private volatile long lostAt;
  private volatile @Nullable String problem = "not connected yet";
  private volatile @Nullable String refusal;
  private volatile @Nullable String failure; // of the attempt to connect that is being made

  NatsListener(NatsConnector connector) {
    this.connector = connector;
  }

  boolean isReady(Duration grace) {
    if (refusal != null) {
      return false;
    }
    return verified || verifiedOnce && System.nanoTime() - lostAt <= grace.toNanos();
  }

  @Nullable String problem() {
    String refused = refusal;
    return refused == null ? problem : refused;
  }

  void connectFailed(Exception e) {
    String why = failure;
    failure = null;
    String cause = why == null || e instanceof AuthenticationException ? describe(e) : describe(e) + ": " + why;
    if (!cause.equals(problem)) {
      log.warn("Cannot connect to NATS, trying on: {}", cause);
    }
    problem = cause;
  }

  /** A connection is there, its subscriptions are not yet. */
  void connected(Connection connection) {
    problem = null;
    refusal = null;
    failure = null;
    log.info("Connected to NATS at {}", NatsConnectionState.masked(connection.getConnectedUrl()));
  }

  void verified(Connection connection) {
    if (connector.isCurrent(connection) && connection.getStatus() == Connection.Status.CONNECTED) {
      verified = true;
      verifiedOnce = true;
    }
  }

  void onEvent(Connection connection, Events event) {
    if (!connector.isCurrent(connection)) {
      return; // being made, which connector sees, or retired
    }
    switch (event) {
      case DISCONNECTED -> lost();
      case RECONNECTED -> connected(connection);
      case RESUBSCRIBED -> connector.verify(connection);
      case CLOSED -> {
        lost();
        connector.reconnectFrom(connection);
      }
      case LAME_DUCK -> {
        log.info("The NATS server {} is about to go", NatsConnectionState.masked(connection.getConnectedUrl()));
        connector.moveFrom(connection);
      }
      default -> { }
    }
  }

  // jnats reports each failed attempt to reconnect as well
  private void lost() {
    if (problem == null) {
      log.warn("Lost the connection to NATS, reconnecting");
      problem = "connection lost";
      lostAt = System.nanoTime();
      verified = false;
    }
  }

  @Override
  public void errorOccurred(Connection connection, String error) {
    if (!connector.isCurrent(connection)) {
      log.debug("NATS reported an error: {}", error);
    } else if (problem != null) {
      problem = error; // why it does not take us back
    } else if (isRefusedSubscription(error)) {
      refusal = error;
      log.error("NATS refused a subscription: {}", error);
    } else {
      log.warn("NATS reported an error: {}", error);
    }
  }

  // Discovery is no part of the work: a user who may not answer it can be a good worker
  private static boolean isRefusedSubscription(String error) {
    return error.toLowerCase(Locale.ROOT).contains("permissions violation for subscription")
        && !error.contains("\"$SRV.");
  }

  /** Called by {@link NatsDataPort} on jnats' reader thread as well. */
  @Override
  public void exceptionOccurred(Connection connection, Exception e) {
    log.debug("The connection to NATS failed", e);
    Throwable cause = NestedExceptionUtils.getMostSpecificCause(e);
    if (cause instanceof CancellationException || cause instanceof TimeoutException
        || cause instanceof InterruptedException) {
      return; // what follows from the real one
    }
    if (!connector.isCurrent(connection)) {
      failure = describe(cause);
    } else if (problem != null) {
      problem = describe(cause); // why it does not take us back
    }
  }

  @Override
  public void slowConsumerDetected(Connection connection, Consumer consumer) {
    log.warn("Messages arrive faster than they can be refused; {} were lost", consumer.getDroppedCount());
  }

  @Override
  public void messageDiscarded(Connection connection, Message message) {
    log.warn("A message was not sent: the outgoing queue is full");
  }

  private static String describe(Throwable e) {
    String text = NatsConnectionState.masked(e.getMessage());
    return text == null || text.isEmpty() ? e.getClass().getSimpleName() : text;
  }
}
