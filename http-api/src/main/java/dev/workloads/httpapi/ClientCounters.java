package dev.workloads.httpapi;

import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.MeterRegistry;

/** Counts the requests of one client, or of several that share a tag. */
final class ClientCounters {

  private final MeterRegistry meters;
  private final String client;
  private final Counter requests;

  /**
   * Creates the counters.
   *
   * @param client the value of the tag, one of few
   */
  ClientCounters(MeterRegistry meters, String client) {
    this.meters = meters;
    this.client = client;
    this.requests = Counter.builder("task.requests").description("Requests under /task, refused ones included")
        .tag("client", client).register(meters);
  }

  void requested() {
    requests.increment();
  }

  void refused(String reason) {
    Counter.builder("task.refused").description("Requests under /task that were refused for whom they came from")
        .tag("client", client).tag("reason", reason).register(meters).increment();
  }
}
