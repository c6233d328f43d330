package dev.workloads.messaging.durable.autoconfigure;

import dev.workloads.messaging.BrokerException;
import dev.workloads.messaging.durable.DurableStore;
import dev.workloads.messaging.durable.JobListenerContainer;
import dev.workloads.messaging.durable.StaleRevisionException;
import java.time.Duration;
import java.util.Objects;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.boot.autoconfigure.AutoConfiguration;
import org.springframework.boot.autoconfigure.condition.ConditionalOnBean;
import org.springframework.boot.autoconfigure.condition.ConditionalOnClass;
import org.springframework.boot.autoconfigure.condition.ConditionalOnMissingBean;
import org.springframework.boot.health.autoconfigure.contributor.ConditionalOnEnabledHealthIndicator;
import org.springframework.boot.health.contributor.Health;
import org.springframework.boot.health.contributor.HealthIndicator;
import org.springframework.context.annotation.Bean;

/**
 * Auto-configuration of the health of durable tasks. It is no part of readiness: requests are answered all the same.
 */
@AutoConfiguration(after = DurableAutoConfiguration.class)
@ConditionalOnClass({HealthIndicator.class, ConditionalOnEnabledHealthIndicator.class})
@ConditionalOnBean(DurableStore.class)
public final class DurableHealthAutoConfiguration {

  private static final String NO_TASK = "health";
  private static final long NO_REVISION = Long.MAX_VALUE;
  private static final Duration TIMEOUT = Duration.ofSeconds(1);

  /** Reads what is not there, and a worker writes what is refused as stale: that tells whether the store answers, and lets it. */
  @Bean
  @ConditionalOnMissingBean(name = "durableTasksHealthIndicator")
  @ConditionalOnEnabledHealthIndicator("durable-tasks")
  HealthIndicator durableTasksHealthIndicator(DurableStore store, ObjectProvider<JobListenerContainer> worker) {
    return () -> {
      JobListenerContainer container = worker.getIfAvailable();
      String problems = Stream.of(problem(store, container != null), container == null ? null : container.problem())
          .filter(Objects::nonNull).collect(Collectors.joining("; "));
      return problems.isEmpty() ? Health.up().build() : Health.down().withDetail("problem", problems).build();
    };
  }

  private static @Nullable String problem(DurableStore store, boolean isWorker) {
    try {
      store.read(NO_TASK, true, TIMEOUT);
      if (isWorker) {
        requireWritable(store);
      }
      return null;
    } catch (BrokerException e) {
      return String.valueOf(e.getMessage());
    }
  }

  private static void requireWritable(DurableStore store) {
    try {
      store.compareAndSet(NO_TASK, new byte[0], NO_REVISION, TIMEOUT);
    } catch (StaleRevisionException e) {
      return; // it would have been written
    }
  }
}
