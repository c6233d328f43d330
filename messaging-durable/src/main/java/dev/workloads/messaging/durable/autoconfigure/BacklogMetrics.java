package dev.workloads.messaging.durable.autoconfigure;

import dev.workloads.messaging.BrokerException;
import dev.workloads.messaging.durable.JobListenerContainer;
import dev.workloads.messaging.durable.JobQueue.Backlog;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.binder.MeterBinder;
import java.time.Duration;
import java.time.Instant;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;

/**
 * What waits in a worker's queue. The broker is asked for it as the gauges are read, at most every five seconds and for no
 * longer than one; where it does not say, there is no number.
 */
final class BacklogMetrics implements MeterBinder {

  private static final Duration TIMEOUT = Duration.ofSeconds(1);
  private static final long VALID_NANOS = TimeUnit.SECONDS.toNanos(5);

  private final JobListenerContainer container;
  private @Nullable Backlog backlog; // under this
  private long askedAt = System.nanoTime() - VALID_NANOS; // under this

  BacklogMetrics(JobListenerContainer container) {
    this.container = container;
  }

  @Override
  public void bindTo(MeterRegistry registry) {
    Gauge.builder("messaging.durable.in.flight", container, JobListenerContainer::inFlight)
        .description("Durable tasks being handled").register(registry);
    Gauge.builder("messaging.durable.backlog", this, BacklogMetrics::jobs)
        .description("Durable tasks in the worker's queue, those being handled included").register(registry);
    Gauge.builder("messaging.durable.oldest.age", this, BacklogMetrics::ageOfOldest).baseUnit("seconds")
        .description("Age of the oldest durable task in the worker's queue").register(registry);
  }

  private double jobs() {
    Backlog current = backlog();
    return current == null ? Double.NaN : current.jobs();
  }

  private double ageOfOldest() {
    Backlog current = backlog();
    if (current == null) {
      return Double.NaN;
    }
    Instant oldest = current.oldest();
    return oldest == null ? 0 : Duration.between(oldest, Instant.now()).toMillis() / 1000.0;
  }

  private synchronized @Nullable Backlog backlog() {
    if (System.nanoTime() - askedAt >= VALID_NANOS) {
      try {
        backlog = container.backlog(TIMEOUT);
      } catch (BrokerException e) {
        backlog = null;
      }
      askedAt = System.nanoTime();
    }
    return backlog;
  }
}
