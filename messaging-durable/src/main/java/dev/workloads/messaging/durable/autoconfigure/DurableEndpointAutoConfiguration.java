package dev.workloads.messaging.durable.autoconfigure;

import dev.workloads.messaging.durable.DurableTasks;
import dev.workloads.messaging.durable.operations.StoreOperations;
import dev.workloads.messaging.durable.operations.TaskOperations;
import org.springframework.boot.actuate.autoconfigure.endpoint.condition.ConditionalOnAvailableEndpoint;
import org.springframework.boot.autoconfigure.AutoConfiguration;
import org.springframework.boot.autoconfigure.condition.ConditionalOnBean;
import org.springframework.boot.autoconfigure.condition.ConditionalOnClass;
import org.springframework.boot.autoconfigure.condition.ConditionalOnMissingBean;
import org.springframework.context.annotation.Bean;

/** Auto-configuration of the actuator endpoint for operators of durable tasks, where the application exposes it. */
@AutoConfiguration(after = DurableAutoConfiguration.class)
@ConditionalOnClass(ConditionalOnAvailableEndpoint.class)
@ConditionalOnBean({StoreOperations.class, DurableTasks.class})
@ConditionalOnAvailableEndpoint(TasksEndpoint.class)
public final class DurableEndpointAutoConfiguration {

  @Bean
  @ConditionalOnMissingBean
  TaskOperations taskOperations(StoreOperations store, DurableTasks tasks) {
    return new TaskOperations(store, tasks);
  }

  @Bean
  @ConditionalOnMissingBean
  TasksEndpoint tasksEndpoint(TaskOperations operations) {
    return new TasksEndpoint(operations);
  }
}
