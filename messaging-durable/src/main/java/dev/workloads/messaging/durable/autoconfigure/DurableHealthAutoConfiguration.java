package dev.workloads.messaging.durable.autoconfigure;

import dev.workloads.messaging.BrokerException;
import dev.workloads.messaging.durable.DurableStore;
import dev.workloads.messaging.durable.JobListenerContainer;
import java.time.Duration;
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
  private static final Duration TIMEOUT = Duration.ofSeconds(1);

  /** Reads what is not there: that tells whether the store answers. */
  @Bean
  @ConditionalOnMissingBean(name = "durableTasksHealthIndicator")
  @ConditionalOnEnabledHealthIndicator("durable-tasks")
  HealthIndicator durableTasksHealthIndicator(DurableStore store, ObjectProvider<JobListenerContainer> worker) {
    return () -> {
      try {
        store.read(NO_TASK, true, TIMEOUT);
        JobListenerContainer container = worker.getIfAvailable();
        String problem = container == null ? null : container.problem();
        return problem == null ? Health.up().build() : Health.down().withDetail("problem", problem).build();
      } catch (BrokerException e) {
        return Health.down().withDetail("problem", String.valueOf(e.getMessage())).build();
      }
    };
  }
}
