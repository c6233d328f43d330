package dev.workloads.messaging.autoconfigure;

import dev.workloads.messaging.BrokerMessage;
import dev.workloads.messaging.MessageTransport;
import dev.workloads.messaging.annotation.ListenerMethods;
import dev.workloads.messaging.autoconfigure.MessagingAutoConfiguration.OnDiscovery;
import dev.workloads.messaging.autoconfigure.MessagingAutoConfiguration.OnListener;
import dev.workloads.messaging.converter.SpringBodyConverter;
import dev.workloads.messaging.discovery.ServiceDiscovery;
import dev.workloads.messaging.listener.Listener;
import dev.workloads.messaging.listener.MessageListenerContainer;
import dev.workloads.messaging.listener.MessageListenerRegistry;
import dev.workloads.messaging.observation.MessagingObservations;
import dev.workloads.messaging.observation.ProcessObservationConvention;
import dev.workloads.messaging.stream.StreamSenders;
import io.micrometer.observation.ObservationRegistry;
import java.util.List;
import java.util.concurrent.Semaphore;
import java.util.concurrent.ThreadFactory;
import org.jspecify.annotations.Nullable;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.beans.factory.config.ConfigurableListableBeanFactory;
import org.springframework.boot.autoconfigure.condition.ConditionalOnMissingBean;
import org.springframework.boot.autoconfigure.condition.SearchStrategy;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Conditional;
import org.springframework.context.annotation.Configuration;
import org.springframework.core.env.Environment;
import org.springframework.messaging.handler.invocation.HandlerMethodArgumentResolver;
import org.springframework.util.unit.DataSize;
import org.springframework.validation.Validator;

/** The worker's side: a container for each listener of this context, and what makes them visible. */
@Configuration(proxyBeanMethods = false)
@Conditional(OnListener.class)
class ListenerConfiguration {

  @Bean
  @ConditionalOnMissingBean(search = SearchStrategy.CURRENT)
  StreamSenders streamSenders(MessageTransport transport) {
    return new StreamSenders(transport);
  }

  @Bean
  @ConditionalOnMissingBean(search = SearchStrategy.CURRENT)
  MessageListenerRegistry messageListenerRegistry(ConfigurableListableBeanFactory beans, MessageTransport transport,
      MessagingProperties properties, SpringBodyConverter converter, ObjectProvider<Validator> validator,
      ObjectProvider<HandlerMethodArgumentResolver> arguments, Environment environment,
      ObjectProvider<ObservationRegistry> observations,
      ObjectProvider<ProcessObservationConvention> convention, StreamSenders streams) {
    List<ListenerDefinition> definitions = new ListenerDefinitions(beans,
        new ListenerMethods(converter, validator.getIfUnique(), beans, arguments.orderedStream())).find();
    List<ConfiguredListener> listeners = new ListenerSettingsResolver(properties,
        environment.getProperty("spring.application.name")).resolve(definitions);
    ThreadFactory threads = MessagingAutoConfiguration.handlerThreads("messaging-", environment);
    Semaphore maxBuffered = new Semaphore((int) Math.min(maxBuffered(properties.maxBuffered()), Integer.MAX_VALUE));
    return new MessageListenerRegistry(listeners.stream().map(listener -> new MessageListenerContainer(transport,
        new Listener(listener.handler(streams), listener.settings(), MessagingObservations.ofProcessing(
            observations.getIfAvailable(() -> ObservationRegistry.NOOP),
            convention.getIfAvailable(ProcessObservationConvention::new), transport, listener.settings().id(),
            listener.settings().group())), maxBuffered, threads)).toList());
  }

  @Bean
  @ConditionalOnMissingBean(search = SearchStrategy.CURRENT)
  @Conditional(OnDiscovery.class)
  ServiceDiscovery serviceDiscovery(MessageTransport transport, MessageListenerRegistry registry,
      MessagingProperties properties, Environment environment) {
    MessagingProperties.Discovery discovery = properties.discovery();
    String name = environment.getProperty("spring.application.name", "worker");
    return new ServiceDiscovery(transport, registry.containers(), new ServiceDiscovery.Identity(
        name.replaceAll("[^a-zA-Z0-9_-]", "-"), discovery.version(), discovery.description()));
  }

  private static long maxBuffered(@Nullable DataSize configured) {
    return configured == null ? BrokerMessage.DEFAULT_MAX_KEPT : configured.toBytes();
  }
}
