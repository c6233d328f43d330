package dev.workloads.messaging.autoconfigure;

import dev.workloads.messaging.MessageTransport;
import dev.workloads.messaging.nats.NatsConnectionState;
import dev.workloads.messaging.nats.NatsTransport;
import org.jspecify.annotations.Nullable;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.boot.actuate.autoconfigure.endpoint.condition.ConditionalOnAvailableEndpoint;
import org.springframework.boot.actuate.autoconfigure.endpoint.expose.EndpointExposure;
import org.springframework.boot.actuate.endpoint.ApiVersion;
import org.springframework.boot.actuate.endpoint.SecurityContext;
import org.springframework.boot.actuate.endpoint.web.WebEndpointResponse;
import org.springframework.boot.actuate.endpoint.web.WebServerNamespace;
import org.springframework.boot.autoconfigure.AutoConfiguration;
import org.springframework.boot.autoconfigure.condition.ConditionalOnBean;
import org.springframework.boot.autoconfigure.condition.ConditionalOnClass;
import org.springframework.boot.autoconfigure.condition.ConditionalOnMissingBean;
import org.springframework.boot.autoconfigure.condition.ConditionalOnWebApplication;
import org.springframework.boot.health.actuate.endpoint.HealthDescriptor;
import org.springframework.boot.health.actuate.endpoint.HealthEndpoint;
import org.springframework.boot.health.actuate.endpoint.HealthEndpointGroups;
import org.springframework.boot.health.actuate.endpoint.HealthEndpointWebExtension;
import org.springframework.boot.health.autoconfigure.actuate.endpoint.HealthEndpointAutoConfiguration;
import org.springframework.boot.health.autoconfigure.actuate.endpoint.HealthEndpointProperties;
import org.springframework.boot.health.autoconfigure.contributor.ConditionalOnEnabledHealthIndicator;
import org.springframework.boot.health.contributor.Health;
import org.springframework.boot.health.contributor.HealthIndicator;
import org.springframework.boot.health.registry.HealthContributorRegistry;
import org.springframework.boot.health.registry.ReactiveHealthContributorRegistry;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;

/**
 * Auto-configuration of health: {@code nats} is the connection as it is, {@code messaging} is for readiness; over HTTP, a
 * component that there is not is not found.
 */
@AutoConfiguration(after = MessagingAutoConfiguration.class, before = HealthEndpointAutoConfiguration.class)
@ConditionalOnClass({HealthIndicator.class, ConditionalOnEnabledHealthIndicator.class})
@ConditionalOnBean(MessageTransport.class)
public final class MessagingHealthAutoConfiguration {

  @Bean
  @ConditionalOnMissingBean(name = "messagingHealthIndicator")
  @ConditionalOnEnabledHealthIndicator("messaging")
  HealthIndicator messagingHealthIndicator(MessageTransport transport) {
    return () -> (transport.isReady() ? Health.up() : Health.outOfService()).build();
  }

  @Bean
  @ConditionalOnBean(NatsTransport.class)
  @ConditionalOnMissingBean(name = "natsHealthIndicator")
  @ConditionalOnEnabledHealthIndicator("nats")
  HealthIndicator natsHealthIndicator(NatsTransport transport) {
    return () -> health(transport.connectionState());
  }

  private static Health health(NatsConnectionState state) {
    Health.Builder health = state.isUp() ? Health.up() : Health.down();
    health.withDetail("status", state.status());
    if (state.server() != null) {
      health.withDetail("server", state.server());
    }
    if (state.problem() != null) {
      health.withDetail("problem", state.problem());
    }
    return health.build();
  }

  /** Health over HTTP. */
  @Configuration(proxyBeanMethods = false)
  @ConditionalOnClass(ConditionalOnAvailableEndpoint.class)
  @ConditionalOnWebApplication(type = ConditionalOnWebApplication.Type.SERVLET)
  @ConditionalOnAvailableEndpoint(endpoint = HealthEndpoint.class, exposure = EndpointExposure.WEB)
  static class WebExtensionConfiguration {

    /** Spring Boot's, which fails where it should answer 404: below a component that there is not. */
    @Bean
    @ConditionalOnMissingBean
    HealthEndpointWebExtension healthEndpointWebExtension(HealthContributorRegistry contributors,
        ObjectProvider<ReactiveHealthContributorRegistry> reactiveContributors, HealthEndpointGroups groups,
        HealthEndpointProperties properties) {
      return new HealthEndpointWebExtension(contributors, reactiveContributors.getIfAvailable(), groups,
          properties.getLogging().getSlowIndicatorThreshold()) {

        @Override
        public WebEndpointResponse<HealthDescriptor> health(ApiVersion version, @Nullable WebServerNamespace namespace,
            SecurityContext security, boolean showAll, String... path) {
          try {
            return super.health(version, namespace, security, showAll, path);
          } catch (IllegalStateException e) {
            if ("'contributor' must not be null".equals(e.getMessage())) { // else it is an indicator's
              return new WebEndpointResponse<>(WebEndpointResponse.STATUS_NOT_FOUND);
            }
            throw e;
          }
        }
      };
    }
  }
}
