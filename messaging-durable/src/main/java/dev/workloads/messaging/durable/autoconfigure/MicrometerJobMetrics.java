package dev.workloads.messaging.durable.autoconfigure;

import dev.workloads.messaging.durable.JobMetrics;
import io.micrometer.core.instrument.Counter;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Timer;
import java.time.Duration;
import java.util.EnumMap;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;

/** Counts and times what becomes of jobs. */
final class MicrometerJobMetrics implements JobMetrics {

  private final Timer queueTime;
  private final Timer resultTime;
  private final Map<Outcome, Counter> ended = new EnumMap<>(Outcome.class);

  MicrometerJobMetrics(MeterRegistry registry) {
    queueTime = Timer.builder("messaging.durable.queue.time")
        .description("Durable tasks from their submission to their first attempt").register(registry);
    resultTime = Timer.builder("messaging.durable.result.time")
        .description("Durable tasks from their submission to their result").register(registry);
    for (Outcome outcome : Outcome.values()) {
      ended.put(outcome, Counter.builder("messaging.durable.attempts").description("Attempts at durable tasks that ended")
          .tag("outcome", outcome.name().toLowerCase(Locale.ROOT)).register(registry));
    }
  }

  @Override
  public void started(Duration sinceSubmission) {
    queueTime.record(sinceSubmission);
  }

  @Override
  public void ended(Outcome outcome) {
    Objects.requireNonNull(ended.get(outcome)).increment();
  }

  @Override
  public void succeeded(Duration sinceSubmission) {
    resultTime.record(sinceSubmission);
  }
}
