package dev.workloads.messaging.nats;

import io.nats.client.Options;
import io.nats.client.Statistics;
import io.nats.client.impl.NatsServerPool;
import io.nats.client.impl.NatsStatistics;
import java.time.Duration;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.atomic.LongAdder;

/** Makes links that share their options, their statistics and what they know of the cluster's servers. */
final class NatsLinkFactory {

  private static final long FIRST_WAIT_MILLIS = 50;

  private final Options template;
  private final long maxWaitMillis;
  private final NatsServerPool servers = new NatsServerPool(); // remembers what the cluster announced, and the last server
  private final LongAdder sentMessages = new LongAdder(); // jnats counts PING, SUB and the like as well
  private final NatsStatistics statistics = new NatsStatistics() {

    @Override
    public long getOutMsgs() {
      return sentMessages.sum();
    }
  };

  NatsLinkFactory(Options template, Duration maxReconnectWait) {
    this.template = template;
    this.maxWaitMillis = Math.max(1, maxReconnectWait.toMillis());
  }

  /** Returns a link that is not connected yet. */
  NatsLink newLink() {
    Options.Builder options = new Options.Builder(template);
    if (template.getDataPortType().equals(Options.DEFAULT_DATA_PORT_TYPE)) {
      options.dataPortType(NatsDataPort.class.getName());
      if (template.isTLSRequired()) {
        // In the other modes jnats connects to an address, and the name that the certificate must show is lost
        options.hostnameResolveMode(Options.HostnameResolveMode.HappyEyeballs);
      }
    }
    options.serverPool(servers).statisticsCollector(statistics).maxReconnects(-1).reconnectBufferSize(0)
        .reconnectDelayHandler(rounds -> Duration.ofMillis(waitMillis(rounds)));
    return new NatsLink(options, template.getInboxPrefix(), sentMessages);
  }

  /**
   * Returns how long to wait after an attempt to connect: from 50 ms, doubled each time, up to the maximum. The upper half is
   * random, so that clients do not come back all at once.
   */
  long waitMillis(long attempt) {
    long wait = Math.min(maxWaitMillis, FIRST_WAIT_MILLIS << Math.min(attempt, 16));
    return wait / 2 + ThreadLocalRandom.current().nextLong(wait / 2 + 1);
  }

  /** Returns what was counted over all links. */
  Statistics statistics() {
    return statistics;
  }
}
