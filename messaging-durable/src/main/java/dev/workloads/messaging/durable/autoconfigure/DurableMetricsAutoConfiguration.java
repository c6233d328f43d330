package dev.workloads.messaging.durable.autoconfigure;

import dev.workloads.messaging.durable.DurableStore;
import dev.workloads.messaging.durable.JobListenerContainer;
import dev.workloads.messaging.durable.JobMetrics;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.binder.MeterBinder;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.boot.autoconfigure.AutoConfiguration;
import org.springframework.boot.autoconfigure.condition.ConditionalOnBean;
import org.springframework.boot.autoconfigure.condition.ConditionalOnClass;
import org.springframework.boot.autoconfigure.condition.ConditionalOnMissingBean;
import org.springframework.context.annotation.Bean;

/** Auto-configuration of what is counted of durable tasks: by the workers that take them, and whether they can be kept. */
@AutoConfiguration(after = DurableAutoConfiguration.class,
    afterName = "org.springframework.boot.micrometer.metrics.autoconfigure.CompositeMeterRegistryAutoConfiguration")
@ConditionalOnClass(MeterRegistry.class)
@ConditionalOnBean({MeterRegistry.class, DurableStore.class})
public final class DurableMetricsAutoConfiguration {

  @Bean
  @ConditionalOnBean(JobListenerContainer.class)
  @ConditionalOnMissingBean(JobMetrics.class)
  MicrometerJobMetrics jobMetrics(MeterRegistry registry) {
    return new MicrometerJobMetrics(registry);
  }

  @Bean
  @ConditionalOnBean(JobListenerContainer.class)
  @ConditionalOnMissingBean(name = "backlogMetrics")
  MeterBinder backlogMetrics(JobListenerContainer container) {
    return new BacklogMetrics(container);
  }

  @Bean
  @ConditionalOnMissingBean(name = "storeMetrics")
  MeterBinder storeMetrics(DurableStore store, ObjectProvider<JobListenerContainer> worker) {
    RecentAnswer<String> problem = new RecentAnswer<>(new StoreProbe(store, worker.getIfAvailable() != null)::problem);
    return registry -> Gauge.builder("messaging.durable.store.available", () -> problem.get() == null ? 1 : 0)
        .description("Whether durable tasks can be kept: 1, or 0 where the bucket is not there or does not answer")
        .register(registry);
  }
}
