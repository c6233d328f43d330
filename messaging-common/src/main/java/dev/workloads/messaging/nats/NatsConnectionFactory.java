package dev.workloads.messaging.nats;

import io.nats.client.Connection;
import io.nats.client.Nats;
import io.nats.client.Options;
import io.nats.client.Statistics;
import io.nats.client.impl.NatsServerPool;
import io.nats.client.impl.NatsStatistics;
import java.io.IOException;
import java.time.Duration;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.ThreadLocalRandom;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** Makes connections that have what the transport's guarantees rest on. */
final class NatsConnectionFactory implements AutoCloseable {

  // How late a request's timeout may be
  private static final Duration REQUEST_CLEANUP_INTERVAL = Duration.ofMillis(50);
  private static final long FIRST_WAIT_MILLIS = 50;

  private final Options template;
  private final long maxWaitMillis;
  private final NatsListener listener;
  private final ExecutorService callbacks;
  private final NatsReaders readers;
  // Shared by successive connections: it remembers the servers that the cluster announced, and which one was the last
  private final NatsServerPool servers = new NatsServerPool();
  private final NatsStatistics statistics = new NatsStatistics(); // of all connections together

  NatsConnectionFactory(Options template, Duration maxReconnectWait, NatsListener listener, ExecutorService callbacks,
      Supplier<@Nullable Connection> current) {
    this.template = template;
    this.maxWaitMillis = Math.max(1, maxReconnectWait.toMillis());
    this.listener = listener;
    this.callbacks = callbacks;
    this.readers = new NatsReaders(current);
  }

  /** Tries each server once, the last one connected to at the end; blocks for that long. */
  Connection connect() throws IOException, InterruptedException {
    return Nats.connect(options());
  }

  private Options options() {
    Options.Builder options = new Options.Builder(template);
    if (template.getDataPortType().equals(Options.DEFAULT_DATA_PORT_TYPE)) {
      options.dataPortType(NatsDataPort.class.getName());
      if (template.isTLSRequired()) {
        options.hostnameResolveMode(Options.HostnameResolveMode.HappyEyeballs); // the others forget the server's name
      }
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
        .callbackExecutor(callbacks)
        .readerExecutor(readers)
        .connectionListener(listener::onEvent)
        .errorListener(listener)
        .build();
  }

  /** Doubles from 50 ms up to the maximum; the upper half is random, so that clients do not come back all at once. */
  long waitMillis(long attempt) {
    long wait = Math.min(maxWaitMillis, FIRST_WAIT_MILLIS << Math.min(attempt, 16));
    return wait / 2 + ThreadLocalRandom.current().nextLong(wait / 2 + 1);
  }

  Statistics statistics() {
    return statistics;
  }

  /** Lets the reading loops that still run come to their end. */
  @Override
  public void close() {
    readers.shutdown();
  }
}
