package dev.workloads.messaging.durable.autoconfigure;

import dev.workloads.messaging.MessageTransport;
import dev.workloads.messaging.autoconfigure.MessagingAutoConfiguration;
import dev.workloads.messaging.autoconfigure.MessagingProperties;
import dev.workloads.messaging.durable.DurableStore;
import dev.workloads.messaging.durable.DurableTasks;
import dev.workloads.messaging.durable.JobSettings;
import dev.workloads.messaging.durable.TaskProgresses;
import dev.workloads.messaging.durable.inprocess.InProcessStore;
import dev.workloads.messaging.durable.jetstream.JetStreamLimits;
import dev.workloads.messaging.durable.jetstream.JetStreamProvisioner;
import dev.workloads.messaging.durable.jetstream.JetStreamStore;
import dev.workloads.messaging.durable.operations.StoreOperations;
import dev.workloads.messaging.inprocess.InProcessTransport;
import dev.workloads.messaging.listener.MessageListenerRegistry;
import dev.workloads.messaging.nats.NatsTransport;
import dev.workloads.messaging.observation.MessagingObservations;
import dev.workloads.messaging.observation.RequestObservationConvention;
import io.micrometer.observation.ObservationRegistry;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.boot.ApplicationRunner;
import org.springframework.boot.autoconfigure.AutoConfiguration;
import org.springframework.boot.autoconfigure.condition.ConditionalOnBean;
import org.springframework.boot.autoconfigure.condition.ConditionalOnBooleanProperty;
import org.springframework.boot.autoconfigure.condition.ConditionalOnMissingBean;
import org.springframework.boot.context.properties.EnableConfigurationProperties;
import org.springframework.boot.context.properties.source.InvalidConfigurationPropertyValueException;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Conditional;
import org.springframework.context.annotation.Configuration;
import org.springframework.context.annotation.Import;
import org.springframework.core.env.Environment;

/** Auto-configuration of a store for durable tasks, of the client that submits them, and of the worker that takes them. */
@AutoConfiguration(after = MessagingAutoConfiguration.class)
@EnableConfigurationProperties(DurableProperties.class) // everywhere: provision-only without enabled stops the start
public final class DurableAutoConfiguration {

  private static final String BUCKET = "TASKS";
  static final String PROVISION_ONLY = DurableProperties.PREFIX + ".provision-only";

  /** Everywhere: listeners have the same parameters where there are no durable tasks. */
  @Bean
  TaskProgresses taskProgresses() {
    return new TaskProgresses();
  }

  /** What is there only where durable tasks are wanted. */
  @Configuration(proxyBeanMethods = false)
  @Conditional(OnDurable.class)
  @Import(JobListenerConfiguration.class)
  static class Enabled {

    @Bean
    @ConditionalOnMissingBean
    @ConditionalOnBean(DurableStore.class)
    DurableTasks durableTasks(DurableStore store, MessageTransport transport, MessagingProperties messaging,
        ObjectProvider<ObservationRegistry> observations,
        ObjectProvider<RequestObservationConvention> convention) {
      return new DurableTasks(store, messaging.request().retryWindow(),
          MessagingObservations.ofRequests(observations.getIfAvailable(() -> ObservationRegistry.NOOP),
              convention.getIfAvailable(RequestObservationConvention::new), transport));
    }

    /** Durable tasks within this process. */
    @Configuration(proxyBeanMethods = false)
    @ConditionalOnBean(InProcessTransport.class)
    static class InProcess {

      @Bean
      @ConditionalOnMissingBean(DurableStore.class)
      InProcessStore inProcessStore(DurableProperties properties) {
        if (properties.provisionOnly()) {
          throw new InvalidConfigurationPropertyValueException(PROVISION_ONLY, true,
              "In process there is nothing to prepare: set messaging.transport=nats.");
        }
        return new InProcessStore(properties.retention(), properties.maxBytes().toBytes(), properties.maxJobs());
      }

      @Bean
      @ConditionalOnMissingBean
      @ConditionalOnBean(InProcessStore.class)
      StoreOperations inProcessOperations(InProcessStore store) {
        return store.operations();
      }
    }

    /** Durable tasks in NATS JetStream. */
    @Configuration(proxyBeanMethods = false)
    @ConditionalOnBean(NatsTransport.class)
    static class JetStream {

      @Bean
      @ConditionalOnMissingBean(DurableStore.class)
      JetStreamStore jetStreamStore(NatsTransport transport, DurableProperties properties, MessagingProperties messaging,
          ObjectProvider<JetStreamProvisioner> provisioner) {
        return new JetStreamStore(transport, BUCKET, properties.retention(), messaging.nats().inboxPrefix(),
            provisioner.getIfAvailable());
      }

      @Bean
      @ConditionalOnMissingBean
      @ConditionalOnBean(JetStreamStore.class)
      StoreOperations jetStreamOperations(JetStreamStore store) {
        return store.operations();
      }

      @Bean
      @ConditionalOnMissingBean
      @Conditional(OnDurable.OnProvision.class)
      JetStreamProvisioner jetStreamProvisioner(NatsTransport transport, DurableProperties properties,
          ObjectProvider<JobSettings> worker) {
        return new JetStreamProvisioner(transport, BUCKET, new JetStreamLimits(properties.retention(),
            properties.maxJobs(), properties.maxBytes().toBytes(), properties.replicas()), worker.getIfAvailable());
      }

      /** The end of an application that only prepares what others need. */
      @Configuration(proxyBeanMethods = false)
      @ConditionalOnBooleanProperty(PROVISION_ONLY)
      static class ProvisionOnly {

        /** The settings of the worker whose queue is prepared, although nothing listens here. */
        @Bean
        @ConditionalOnMissingBean
        @Conditional(OnDurable.OnSubscriptions.class)
        JobSettings jobSettings(DurableProperties properties, MessagingProperties messaging, Environment environment) {
          String group = messaging.consumerGroup();
          return JobListenerConfiguration.settings(
              group == null ? environment.getProperty("spring.application.name", "") : group, properties, messaging);
        }

        @Bean
        ApplicationRunner endOnceProvisioned(JetStreamProvisioner provisioner,
            ObjectProvider<MessageListenerRegistry> listeners, ConfigurableApplicationContext context) {
          if (listeners.stream().anyMatch(each -> !each.containers().isEmpty())) {
            throw new InvalidConfigurationPropertyValueException(PROVISION_ONLY, true,
                "The application ends once all is prepared, and must not take messages: set messaging.listener.enabled=false.");
          }
          return arguments -> {
            provisioner.requireProvisioned(); // else the start has failed: the process ends with 1
            context.close();
          };
        }
      }
    }
  }
}
