package dev.workloads.messaging.durable.autoconfigure;

import dev.workloads.messaging.durable.DurableStore;
import dev.workloads.messaging.durable.JobListenerContainer;
import java.util.Objects;
import java.util.stream.Collectors;
import java.util.stream.Stream;
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

  @Bean
  @ConditionalOnMissingBean(name = "durableTasksHealthIndicator")
  @ConditionalOnEnabledHealthIndicator("durable-tasks")
  HealthIndicator durableTasksHealthIndicator(DurableStore store, ObjectProvider<JobListenerContainer> worker) {
    return () -> {
      JobListenerContainer container = worker.getIfAvailable();
      String problems = Stream.of(new StoreProbe(store, container != null).problem(),
          container == null ? null : container.problem()).filter(Objects::nonNull).collect(Collectors.joining("; "));
      return problems.isEmpty() ? Health.up().build() : Health.down().withDetail("problem", problems).build();
    };
  }
}
