package dev.workloads.messaging.autoconfigure;

import io.nats.client.Options;

/** Changes the options of the connection to NATS, after the properties have been applied. */
@FunctionalInterface
public interface NatsOptionsCustomizer {

  /** Changes the options. */
  void customize(Options.Builder options);
}
