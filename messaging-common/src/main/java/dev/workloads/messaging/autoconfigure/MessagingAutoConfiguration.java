package dev.workloads.messaging.autoconfigure;

import dev.workloads.messaging.BrokerMessageHandler;
import dev.workloads.messaging.MessageTransport;
import dev.workloads.messaging.MessagingClient;
import dev.workloads.messaging.Subjects;
import dev.workloads.messaging.discovery.ServiceDiscovery;
import dev.workloads.messaging.inprocess.InProcessTransport;
import dev.workloads.messaging.listener.ListenerSettings;
import dev.workloads.messaging.listener.MessageListenerContainer;
import dev.workloads.messaging.nats.NatsTransport;
import dev.workloads.messaging.observation.MessagingObservations;
import dev.workloads.messaging.observation.ProcessObservationConvention;
import dev.workloads.messaging.observation.RequestObservationConvention;
import io.micrometer.observation.ObservationRegistry;
import io.nats.client.Options;
import java.util.concurrent.ThreadFactory;
import org.jspecify.annotations.Nullable;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.boot.autoconfigure.AutoConfiguration;
import org.springframework.boot.autoconfigure.condition.ConditionalOnBean;
import org.springframework.boot.autoconfigure.condition.ConditionalOnBooleanProperty;
import org.springframework.boot.autoconfigure.condition.ConditionalOnMissingBean;
import org.springframework.boot.autoconfigure.condition.ConditionalOnProperty;
import org.springframework.boot.autoconfigure.condition.SearchStrategy;
import org.springframework.boot.context.properties.EnableConfigurationProperties;
import org.springframework.boot.context.properties.source.InvalidConfigurationPropertyValueException;
import org.springframework.boot.ssl.DefaultSslBundleRegistry;
import org.springframework.boot.ssl.SslBundles;
import org.springframework.boot.thread.Threading;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.core.env.Environment;
import org.springframework.core.task.VirtualThreadTaskExecutor;
import org.springframework.scheduling.concurrent.CustomizableThreadFactory;
import org.springframework.util.unit.DataSize;

/** Auto-configuration of the messaging client and, where there is a {@link BrokerMessageHandler}, of a worker. */
@AutoConfiguration
@EnableConfigurationProperties(MessagingProperties.class)
public final class MessagingAutoConfiguration {

  @Bean
  @ConditionalOnMissingBean
  MessagingClient messagingClient(MessagingProperties properties, MessageTransport transport,
      ObjectProvider<ObservationRegistry> observations, ObjectProvider<RequestObservationConvention> convention) {
    return new MessagingClient(transport, properties.request().retryWindow(), MessagingObservations.ofRequests(
        observations.getIfAvailable(() -> ObservationRegistry.NOOP),
        convention.getIfAvailable(RequestObservationConvention::new)));
  }

  @Bean
  @ConditionalOnBooleanProperty(name = "messaging.listener.enabled", matchIfMissing = true)
  @ConditionalOnBean(value = BrokerMessageHandler.class, search = SearchStrategy.CURRENT)
  @ConditionalOnMissingBean(search = SearchStrategy.CURRENT)
  MessageListenerContainer messageListenerContainer(MessageTransport transport, BrokerMessageHandler handler,
      MessagingProperties properties, Environment environment,
      ObjectProvider<ObservationRegistry> observations, ObjectProvider<ProcessObservationConvention> convention) {
    ListenerSettings settings = settings(properties, environment.getProperty("spring.application.name"));
    ThreadFactory threads = Threading.VIRTUAL.isActive(environment)
        ? new VirtualThreadTaskExecutor("messaging-").getVirtualThreadFactory()
        : new CustomizableThreadFactory("messaging-");
    return new MessageListenerContainer(transport, handler, settings, threads, MessagingObservations.ofProcessing(
        observations.getIfAvailable(() -> ObservationRegistry.NOOP),
        convention.getIfAvailable(ProcessObservationConvention::new), settings.group()));
  }

  @Bean
  @ConditionalOnBean(value = MessageListenerContainer.class, search = SearchStrategy.CURRENT)
  @ConditionalOnMissingBean(search = SearchStrategy.CURRENT)
  @ConditionalOnBooleanProperty(name = "messaging.discovery.enabled", matchIfMissing = true)
  ServiceDiscovery serviceDiscovery(MessageTransport transport, MessageListenerContainer container,
      MessagingProperties properties, Environment environment) {
    MessagingProperties.Discovery discovery = properties.discovery();
    String name = environment.getProperty("spring.application.name", container.settings().group());
    return new ServiceDiscovery(transport, container, new ServiceDiscovery.Identity(
        name.replaceAll("[^a-zA-Z0-9_-]", "-"), discovery.version(), discovery.description()));
  }

  /** Subscriptions that nobody handles are a mistake, found at the start and not by a requester in vain. */
  @Configuration(proxyBeanMethods = false)
  @ConditionalOnProperty("messaging.subscriptions")
  @ConditionalOnBooleanProperty(name = "messaging.listener.enabled", matchIfMissing = true)
  @ConditionalOnMissingBean(value = BrokerMessageHandler.class, search = SearchStrategy.CURRENT)
  static class MissingHandlerConfiguration {

    MissingHandlerConfiguration(MessagingProperties properties) {
      throw new InvalidConfigurationPropertyValueException("messaging.subscriptions", properties.subscriptions(),
          "There is no BrokerMessageHandler bean to handle the messages: declare one, or remove the property.");
    }
  }

  private static ListenerSettings settings(MessagingProperties properties, @Nullable String applicationName) {
    try {
      return new ListenerSettings(properties.subscriptions(), group(properties.consumerGroup(), applicationName),
          properties.maxInFlight(), properties.queueCapacity(), maxBuffered(properties.maxBuffered()),
          properties.drainTimeout());
    } catch (IllegalArgumentException e) {
      throw new InvalidConfigurationPropertyValueException("messaging.subscriptions", properties.subscriptions(),
          "The worker cannot subscribe: " + e.getMessage() + ".");
    }
  }

  private static String group(@Nullable String configured, @Nullable String applicationName) {
    String group = configured == null ? applicationName : configured;
    if (group == null) {
      throw new InvalidConfigurationPropertyValueException("messaging.consumer-group", null,
          "Name the group of workers that share the messages, here or by spring.application.name.");
    }
    try {
      return Subjects.requireGroup(group);
    } catch (IllegalArgumentException e) {
      throw new InvalidConfigurationPropertyValueException("messaging.consumer-group", group,
          "The worker cannot subscribe: " + e.getMessage() + ". By default the group is spring.application.name.");
    }
  }

  private static long maxBuffered(@Nullable DataSize configured) {
    return configured == null ? Runtime.getRuntime().maxMemory() / 8 : configured.toBytes();
  }

  /** Messages within this process. */
  @Configuration(proxyBeanMethods = false)
  @ConditionalOnProperty(name = "messaging.transport", havingValue = "in-process")
  static class InProcessConfiguration {

    @Bean
    @ConditionalOnMissingBean(MessageTransport.class)
    InProcessTransport inProcessTransport() {
      return new InProcessTransport();
    }
  }

  /** Messages over NATS. */
  @Configuration(proxyBeanMethods = false)
  @ConditionalOnProperty(name = "messaging.transport", havingValue = "nats", matchIfMissing = true)
  static class NatsConfiguration {

    @Bean
    @ConditionalOnMissingBean(NatsConnectionDetails.class)
    PropertiesNatsConnectionDetails natsConnectionDetails(MessagingProperties properties, Environment environment,
        ObjectProvider<SslBundles> sslBundles) {
      return new PropertiesNatsConnectionDetails(properties.nats(),
          environment.getProperty("NATS_URL", Options.DEFAULT_URL), sslBundles.getIfAvailable(DefaultSslBundleRegistry::new));
    }

    @Bean
    @ConditionalOnMissingBean(MessageTransport.class)
    NatsTransport natsTransport(NatsConnectionDetails details, MessagingProperties properties, Environment environment,
        ObjectProvider<NatsOptionsCustomizer> customizers) {
      MessagingProperties.Nats nats = properties.nats();
      Options.Builder options =
          NatsOptions.builder(details, nats, environment.getProperty("spring.application.name"));
      customizers.orderedStream().forEach(customizer -> customizer.customize(options));
      return NatsTransport.open(options.build(), nats.readyGrace(), nats.maxReconnectWait());
    }
  }
}
