package dev.workloads.messaging.durable.autoconfigure;

import dev.workloads.messaging.BrokerException;
import dev.workloads.messaging.durable.JobListenerContainer;
import dev.workloads.messaging.durable.JobQueue.Backlog;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.binder.MeterBinder;
import java.time.Duration;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * What waits in a worker's queue. The broker is asked for it as the gauges are read, at most every five seconds and for no
 * longer than one; where it does not say, there is no number.
 */
final class BacklogMetrics implements MeterBinder {

  private static final Duration TIMEOUT = Duration.ofSeconds(1);

  private final JobListenerContainer container;
  private final RecentAnswer<Backlog> backlog = new RecentAnswer<>(this::ask);

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
    Backlog current = backlog.get();
    return current == null ? Double.NaN : current.jobs();
  }

  private double ageOfOldest() {
    Backlog current = backlog.get();
    if (current == null) {
      return Double.NaN;
    }
    Instant oldest = current.oldest();
    return oldest == null ? 0 : Duration.between(oldest, Instant.now()).toMillis() / 1000.0;
  }

  private @Nullable Backlog ask() {
    try {
      return container.backlog(TIMEOUT);
    } catch (BrokerException e) {
      return null;
    }
  }
}
