package dev.workloads.messaging.durable.autoconfigure;

import dev.workloads.messaging.durable.JobListenerContainer;
import dev.workloads.messaging.durable.JobMetrics;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.binder.MeterBinder;
import org.springframework.boot.autoconfigure.AutoConfiguration;
import org.springframework.boot.autoconfigure.condition.ConditionalOnBean;
import org.springframework.boot.autoconfigure.condition.ConditionalOnClass;
import org.springframework.boot.autoconfigure.condition.ConditionalOnMissingBean;
import org.springframework.context.annotation.Bean;

/** Auto-configuration of what is counted of durable tasks, by the workers that take them. */
@AutoConfiguration(after = DurableAutoConfiguration.class,
    afterName = "org.springframework.boot.micrometer.metrics.autoconfigure.CompositeMeterRegistryAutoConfiguration")
@ConditionalOnClass(MeterRegistry.class)
@ConditionalOnBean({MeterRegistry.class, JobListenerContainer.class})
public final class DurableMetricsAutoConfiguration {

  @Bean
  @ConditionalOnMissingBean(JobMetrics.class)
  MicrometerJobMetrics jobMetrics(MeterRegistry registry) {
    return new MicrometerJobMetrics(registry);
  }

  @Bean
  @ConditionalOnMissingBean(name = "backlogMetrics")
  MeterBinder backlogMetrics(JobListenerContainer container) {
    return new BacklogMetrics(container);
  }
}
