package dev.workloads.messaging.nats;

import dev.workloads.messaging.BrokerException;
import dev.workloads.messaging.BrokerException.Reason;
import dev.workloads.messaging.nats.NatsSubscription.Attachment;
import io.nats.client.Connection;
import io.nats.client.Connection.Status;
import io.nats.client.Options;
import io.nats.client.Statistics;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Owns the connection to NATS: has the first one made, replaces one that jnats has given up or whose server is about to
 * go, and has the subscriptions moved along.
 *
 * <p>Threads: one daemon thread, {@code nats-connector}, makes connections and runs all of jnats' callbacks, so these come
 * in order. jnats itself brings back a lost connection.
 */
final class NatsConnector implements AutoCloseable {

  static final String UNAVAILABLE = "not connected to the message broker";

  private static final Logger log = LoggerFactory.getLogger(NatsConnector.class);
  private static final Duration FLUSH_TIMEOUT = Duration.ofSeconds(2);
  private static final Duration CLOSING_FLUSH_TIMEOUT = Duration.ofSeconds(1);
  // How long a queue group has both the former and the new subscription. The servers of a cluster tell each other of
  // subscriptions with a delay: one may still send a message towards the former, and where that has gone, its server must
  // know the new one to pass the message on, or it drops it.
  private static final Duration OVERLAP = Duration.ofMillis(500);
  // How long the connection to a server that is about to go stays for the replies still under way on it
  private static final Duration RETIREMENT = Duration.ofSeconds(60);

  private final Duration readyGrace;
  private final ScheduledThreadPoolExecutor thread = new ScheduledThreadPoolExecutor(1, task -> {
    Thread created = new Thread(task, "nats-connector");
    created.setDaemon(true);
    return created;
  });
  private final NatsListener listener = new NatsListener(this);
  private final NatsSubscriptions subscriptions = new NatsSubscriptions();
  private final NatsConnectionFactory factory;
  private final Set<Connection> open = ConcurrentHashMap.newKeySet(); // the current one and those retired
  private volatile @Nullable Connection current;
  private volatile boolean closed;

  NatsConnector(Options template, Duration readyGrace, Duration maxReconnectWait) {
    this.readyGrace = readyGrace;
    this.factory = new NatsConnectionFactory(template, maxReconnectWait, listener, thread,
        () -> closed ? null : current);
    thread.execute(() -> connect(0));
  }

  /** Returns the connection if it can be used now. */
  Connection connected() {
    Connection connection = current;
    if (connection == null || connection.getStatus() != Status.CONNECTED) {
      throw new BrokerException(Reason.BROKER_UNAVAILABLE, UNAVAILABLE);
    }
    return connection;
  }

  /** Returns the connection for a message to the subject, which may be the reply to a request. */
  Connection connectionTo(String subject) {
    Connection origin = subscriptions.origins().replied(subject);
    return origin == null ? connected() : origin;
  }

  /** Adds a subscription; returns when the server knows it, if there is one to tell. */
  void add(NatsSubscription subscription) {
    Connection connection = subscriptions.add(subscription);
    if (connection != null && connection.getStatus() == Status.CONNECTED) {
      flush(connection, FLUSH_TIMEOUT);
    }
  }

  NatsSubscriptions subscriptions() {
    return subscriptions;
  }

  boolean isReady() {
    return !closed && listener.isReady(readyGrace);
  }

  NatsConnectionState state() {
    Connection connection = current;
    Status status = connection == null ? Status.DISCONNECTED : connection.getStatus();
    String server = status == Status.CONNECTED && connection != null ? connection.getConnectedUrl() : null;
    return new NatsConnectionState(status, server, listener.problem());
  }

  Statistics statistics() {
    return factory.statistics();
  }

  boolean isCurrent(Connection connection) {
    return connection == current;
  }

  private void connect(int attempt) {
    if (closed) {
      return;
    }
    try {
      use(factory.connect());
    } catch (IOException | IllegalArgumentException e) {
      thread.execute(() -> listener.connectFailed(e)); // after the callbacks that tell why
      thread.schedule(() -> connect(attempt + 1), factory.waitMillis(attempt), TimeUnit.MILLISECONDS);
    } catch (InterruptedException e) { // by close(), which ends this thread, or too late by NatsDataPort
      thread.schedule(() -> connect(attempt + 1), factory.waitMillis(attempt), TimeUnit.MILLISECONDS);
      Thread.currentThread().interrupt();
    }
  }

  /** Makes the connection the current one and moves all subscriptions to it; returns when the server knows them. */
  private void use(Connection connection) {
    open.add(connection);
    if (closed) { // close() has either seen the connection or been seen here
      close(connection);
      return;
    }
    listener.connected(connection);
    List<Attachment> former = subscriptions.moveTo(connection);
    flush(connection, FLUSH_TIMEOUT);
    current = connection;
    verify(connection);
    thread.schedule(() -> former.forEach(Attachment::drain), OVERLAP.toMillis(), TimeUnit.MILLISECONDS);
  }

  /** Called on the connector's thread when jnats has told a new server of the subscriptions. */
  void verify(Connection connection) {
    if (flush(connection, FLUSH_TIMEOUT)) {
      // The server's refusals arrived before its pong, so their callbacks are ahead of this one
      thread.execute(() -> listener.verified(connection));
    } else if (connection == current && connection.getStatus() == Status.CONNECTED) {
      thread.schedule(() -> verify(connection), factory.waitMillis(0), TimeUnit.MILLISECONDS);
    }
  }

  /** Called on the connector's thread when jnats has given up a connection, as it does after a rejected login. */
  void reconnectFrom(Connection connection) {
    open.remove(connection);
    subscriptions.origins().closed(connection);
    if (connection == current && !closed) {
      connect(0);
    }
  }

  /**
   * Called on the connector's thread when the server is about to go: moves to another one first, and lets the requests
   * under way have their replies on the old connection.
   */
  void moveFrom(Connection leaving) {
    if (leaving != current || closed) {
      return;
    }
    try {
      use(factory.connect());
      thread.schedule(() -> close(leaving), RETIREMENT.toSeconds(), TimeUnit.SECONDS);
    } catch (IOException e) {
      log.warn("Found no other NATS server to move to before {} goes", NatsConnectionState.masked(
          leaving.getConnectedUrl()));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private static boolean flush(Connection connection, Duration timeout) {
    try {
      connection.flush(timeout);
      return true;
    } catch (TimeoutException | IllegalStateException e) {
      log.debug("The NATS server did not answer in time: {}", e.toString());
      return false;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return false;
    }
  }

  private void close(Connection connection) {
    if (connection.getStatus() == Status.CONNECTED) {
      flush(connection, CLOSING_FLUSH_TIMEOUT);
    }
    try {
      connection.close();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    open.remove(connection);
    subscriptions.origins().closed(connection);
  }

  @Override
  public void close() {
    closed = true;
    thread.shutdownNow(); // interrupts an attempt to connect
    subscriptions.close();
    open.forEach(this::close);
    factory.close();
  }
}
