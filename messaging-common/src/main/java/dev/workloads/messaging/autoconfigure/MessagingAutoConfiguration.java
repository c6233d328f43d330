package dev.workloads.messaging.autoconfigure;

import dev.workloads.messaging.BodyConverter;
import dev.workloads.messaging.MessageTransport;
import dev.workloads.messaging.MessagingClient;
import dev.workloads.messaging.inprocess.InProcessTransport;
import dev.workloads.messaging.nats.NatsTransport;
import dev.workloads.messaging.observation.MessagingObservations;
import dev.workloads.messaging.observation.RequestObservationConvention;
import io.micrometer.observation.ObservationRegistry;
import io.nats.client.Options;
import java.util.concurrent.ThreadFactory;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.boot.autoconfigure.AutoConfiguration;
import org.springframework.boot.autoconfigure.condition.ConditionalOnMissingBean;
import org.springframework.boot.context.properties.EnableConfigurationProperties;
import org.springframework.boot.context.properties.bind.Binder;
import org.springframework.boot.ssl.DefaultSslBundleRegistry;
import org.springframework.boot.ssl.SslBundles;
import org.springframework.boot.thread.Threading;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Condition;
import org.springframework.context.annotation.ConditionContext;
import org.springframework.context.annotation.Conditional;
import org.springframework.context.annotation.Configuration;
import org.springframework.context.annotation.Import;
import org.springframework.core.env.Environment;
import org.springframework.core.task.VirtualThreadTaskExecutor;
import org.springframework.core.type.AnnotatedTypeMetadata;
import org.springframework.scheduling.concurrent.CustomizableThreadFactory;
import org.springframework.util.StringUtils;

/** Auto-configuration of the transport, the client and, where there is something that handles messages, of a worker. */
@AutoConfiguration(afterName = "org.springframework.boot.jackson.autoconfigure.JacksonAutoConfiguration")
@EnableConfigurationProperties(MessagingProperties.class)
@Import({BodyConverterConfiguration.class, ListenerConfiguration.class})
public final class MessagingAutoConfiguration {

  /** Returns what makes the threads of handlers: virtual ones where the application has them enabled. */
  public static ThreadFactory handlerThreads(String prefix, Environment environment) {
    return Threading.VIRTUAL.isActive(environment)
        ? new VirtualThreadTaskExecutor(prefix).getVirtualThreadFactory() : new CustomizableThreadFactory(prefix);
  }

  @Bean
  @ConditionalOnMissingBean
  MessagingClient messagingClient(MessagingProperties properties, MessageTransport transport, BodyConverter converter,
      ObjectProvider<ObservationRegistry> observations, ObjectProvider<RequestObservationConvention> convention) {
    return new MessagingClient(transport, properties.request().retryWindow(), converter, MessagingObservations.ofRequests(
        observations.getIfAvailable(() -> ObservationRegistry.NOOP),
        convention.getIfAvailable(RequestObservationConvention::new), transport));
  }

  // Spring defines the beans of the nested class first
  @Bean
  @ConditionalOnMissingBean(MessageTransport.class)
  InProcessTransport inProcessTransport() {
    return new InProcessTransport();
  }

  /** Messages over NATS. */
  @Configuration(proxyBeanMethods = false)
  @Conditional(OnNats.class)
  static class NatsConfiguration {

    @Bean
    @ConditionalOnMissingBean(NatsConnectionDetails.class)
    PropertiesNatsConnectionDetails natsConnectionDetails(MessagingProperties properties, Environment environment,
        ObjectProvider<SslBundles> sslBundles) {
      String url = environment.getProperty("NATS_URL");
      return new PropertiesNatsConnectionDetails(properties.nats(), StringUtils.hasText(url) ? url : Options.DEFAULT_URL,
          sslBundles.getIfAvailable(DefaultSslBundleRegistry::new));
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

  /** Reads a setting as {@link MessagingProperties} do: in any relaxed form, and an empty one as if it were not set. */
  private abstract static class OnSetting implements Condition {

    private final String name;
    private final Object value;

    OnSetting(String name, Object value) {
      this.name = name;
      this.value = value;
    }

    @Override
    public boolean matches(ConditionContext context, AnnotatedTypeMetadata metadata) {
      return Binder.get(context.getEnvironment()).bind(name, value.getClass()).map(value::equals).orElse(true);
    }
  }

  static final class OnNats extends OnSetting {
    OnNats() {
      super("messaging.transport", MessagingProperties.Transport.NATS);
    }
  }

  static final class OnListener extends OnSetting {
    OnListener() {
      super("messaging.listener.enabled", true);
    }
  }

  static final class OnDiscovery extends OnSetting {
    OnDiscovery() {
      super("messaging.discovery.enabled", true);
    }
  }
}
