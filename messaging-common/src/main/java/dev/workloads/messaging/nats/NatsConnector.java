package dev.workloads.messaging.nats;

import dev.workloads.messaging.MessagingException;
import dev.workloads.messaging.MessagingException.Reason;
import io.nats.client.Connection;
import io.nats.client.Connection.Status;
import io.nats.client.Nats;
import io.nats.client.Options;
import io.nats.client.Statistics;
import io.nats.client.impl.NatsServerPool;
import io.nats.client.impl.NatsStatistics;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Owns the connection to NATS: makes the first one, replaces one that jnats has given up or whose server is about to go,
 * and moves the subscriptions along.
 *
 * <p>Threads: one daemon thread, {@code nats-connector}, makes connections and runs all of jnats' callbacks, so these come
 * in order. Callers subscribe and unsubscribe on their own threads, under the lock. jnats itself brings back a lost
 * connection.
 */
final class NatsConnector implements AutoCloseable {

  static final String UNAVAILABLE = "not connected to the message broker";

  private static final Logger log = LoggerFactory.getLogger(NatsConnector.class);
  // How late a request's timeout may be
  private static final Duration REQUEST_CLEANUP_INTERVAL = Duration.ofMillis(50);
  private static final Duration FLUSH_TIMEOUT = Duration.ofSeconds(2);
  private static final Duration CLOSING_FLUSH_TIMEOUT = Duration.ofSeconds(1);
  // How long the connection to a server that is about to go stays for the replies still under way on it
  private static final Duration RETIREMENT = Duration.ofSeconds(60);
  private static final long FIRST_WAIT_MILLIS = 50;

  private final Options template;
  private final Duration readyGrace;
  private final long maxWaitMillis;
  // Shared by successive connections: it remembers the servers that the cluster announced, and which one was the last
  private final NatsServerPool servers = new NatsServerPool();
  private final NatsStatistics statistics = new NatsStatistics(); // of all connections together
  private final NatsListener listener = new NatsListener(this);
  private final NatsReaders readers = new NatsReaders(this::readerFailed);
  private final ScheduledThreadPoolExecutor thread = new ScheduledThreadPoolExecutor(1, task -> {
    Thread created = new Thread(task, "nats-connector");
    created.setDaemon(true);
    return created;
  });

  private final Lock lock = new ReentrantLock();
  private final Set<NatsSubscription> subscriptions = new LinkedHashSet<>();
  private final Set<Connection> retired = new HashSet<>();
  private volatile @Nullable Connection current;
  private volatile boolean closed;

  NatsConnector(Options template, Duration readyGrace, Duration maxReconnectWait) {
    this.template = template;
    this.readyGrace = readyGrace;
    this.maxWaitMillis = Math.max(1, maxReconnectWait.toMillis());
    thread.execute(() -> connect(0));
  }

  /** Returns the connection if it can be used now. */
  Connection connected() {
    Connection connection = current;
    if (connection == null || connection.getStatus() != Status.CONNECTED) {
      throw new MessagingException(Reason.BROKER_UNAVAILABLE, UNAVAILABLE);
    }
    return connection;
  }

  void add(NatsSubscription subscription) {
    lock.lock();
    try {
      if (closed) {
        throw new IllegalStateException("the messaging transport is closed");
      }
      subscriptions.add(subscription);
      if (current != null && current.getStatus() != Status.CLOSED) {
        subscription.attach(current);
      }
    } finally {
      lock.unlock();
    }
    Connection connection = current;
    if (connection != null && connection.getStatus() == Status.CONNECTED) {
      flush(connection);
    }
  }

  NatsSubscription.@Nullable Attachment remove(NatsSubscription subscription) {
    lock.lock();
    try {
      return subscriptions.remove(subscription) ? subscription.attachment() : null;
    } finally {
      lock.unlock();
    }
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
    return statistics;
  }

  private void connect(int attempt) {
    if (closed) {
      return;
    }
    try {
      use(Nats.connect(options()));
    } catch (IOException | IllegalArgumentException e) {
      thread.execute(() -> listener.connectFailed(e)); // after the callbacks that tell why
      thread.schedule(() -> connect(attempt + 1), waitMillis(attempt), TimeUnit.MILLISECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt(); // close() ends this thread
    }
  }

  /** Makes the connection the current one and moves all subscriptions to it; returns when the server knows them. */
  private void use(Connection connection) {
    List<NatsSubscription.Attachment> former = new ArrayList<>();
    lock.lock();
    try {
      if (closed) {
        closeQuietly(connection);
        return;
      }
      listener.connected(connection);
      for (NatsSubscription subscription : subscriptions) {
        NatsSubscription.Attachment attachment = subscription.attachment();
        if (attachment != null && !subscription.isShared()) {
          attachment.drain(FLUSH_TIMEOUT); // before the new one begins: rather a gap than a message twice
        } else if (attachment != null) {
          former.add(attachment);
        }
        subscription.attach(connection);
      }
      flush(connection);
      current = connection;
    } finally {
      lock.unlock();
    }
    verify(connection);
    former.forEach(attachment -> attachment.drain(FLUSH_TIMEOUT));
  }

  /** Called on the connector's thread when jnats has told a new server of the subscriptions. */
  void verify(Connection connection) {
    if (flush(connection)) {
      // The server's refusals arrived before its pong, so their callbacks are ahead of this one
      thread.execute(() -> listener.verified(connection));
    } else if (connection == current && connection.getStatus() == Status.CONNECTED) {
      thread.schedule(() -> verify(connection), maxWaitMillis, TimeUnit.MILLISECONDS);
    }
  }

  /** Called on the connector's thread when jnats has given up a connection, as it does after a rejected login. */
  void reconnectFrom(Connection connection) {
    if (connection == current && !closed) {
      connect(0);
    }
  }

  /** Called on the reader's own thread, which has nothing else to do and so may wait until the connection is back. */
  private void readerFailed(Throwable cause) {
    log.error("Reconnecting to NATS, for a message that cannot be read: {}", cause.toString());
    Connection connection = current;
    try {
      if (connection != null && !closed) {
        connection.forceReconnect();
      }
    } catch (IOException e) {
      log.warn("Could not reconnect to NATS: {}", NatsConnectionState.masked(e.toString()));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
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
      use(Nats.connect(options()));
      retire(leaving);
    } catch (IOException e) {
      log.warn("Found no other NATS server to move to before {} goes", NatsConnectionState.masked(
          leaving.getConnectedUrl()));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void retire(Connection leaving) {
    lock.lock();
    try {
      retired.add(leaving);
    } finally {
      lock.unlock();
    }
    thread.schedule(() -> {
      lock.lock();
      try {
        retired.remove(leaving);
      } finally {
        lock.unlock();
      }
      closeQuietly(leaving);
    }, RETIREMENT.toSeconds(), TimeUnit.SECONDS);
  }

  boolean isCurrent(Connection connection) {
    return connection == current;
  }

  private Options options() {
    Options.Builder options = new Options.Builder(template);
    if (template.isTLSRequired() && template.getDataPortType().equals(Options.DEFAULT_DATA_PORT_TYPE)) {
      options.dataPortType(TlsDataPort.class.getName());
      options.hostnameResolveMode(Options.HostnameResolveMode.HappyEyeballs); // the others forget the server's name
    }
    return options
        .serverPool(servers)
        .maxReconnects(-1)
        .reconnectBufferSize(0)
        .reconnectDelayHandler(rounds -> Duration.ofMillis(waitMillis(rounds)))
        .requestCleanupInterval(REQUEST_CLEANUP_INTERVAL)
        .reportNoResponders()
        .useTimeoutException()
        .dontForceFlushOnRequest()
        .statisticsCollector(statistics)
        .callbackExecutor(thread)
        .readerExecutor(readers)
        .connectionListener(listener::onEvent)
        .errorListener(listener)
        .build();
  }

  /** Doubles from 50 ms up to the maximum; the upper half is random, so that clients do not come back all at once. */
  private long waitMillis(long attempt) {
    long wait = Math.min(maxWaitMillis, FIRST_WAIT_MILLIS << Math.min(attempt, 16));
    return wait / 2 + ThreadLocalRandom.current().nextLong(wait / 2 + 1);
  }

  private static boolean flush(Connection connection) {
    return flush(connection, FLUSH_TIMEOUT);
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

  private static void closeQuietly(Connection connection) {
    try {
      connection.close();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  @Override
  public void close() {
    Set<Connection> open = new HashSet<>();
    lock.lock();
    try {
      closed = true;
      subscriptions.clear();
      open.addAll(retired);
      if (current != null) {
        open.add(current);
      }
    } finally {
      lock.unlock();
    }
    thread.shutdownNow(); // interrupts an attempt to connect
    for (Connection connection : open) {
      if (connection.getStatus() == Status.CONNECTED) {
        flush(connection, CLOSING_FLUSH_TIMEOUT);
      }
      closeQuietly(connection);
    }
    readers.shutdown();
  }
}
