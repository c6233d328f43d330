package dev.workloads.messaging.autoconfigure;

import dev.workloads.messaging.MessageTransport;
import dev.workloads.messaging.nats.NatsConnectionState;
import dev.workloads.messaging.nats.NatsTransport;
import org.springframework.boot.autoconfigure.AutoConfiguration;
import org.springframework.boot.autoconfigure.condition.ConditionalOnBean;
import org.springframework.boot.autoconfigure.condition.ConditionalOnClass;
import org.springframework.boot.autoconfigure.condition.ConditionalOnMissingBean;
import org.springframework.boot.health.autoconfigure.contributor.ConditionalOnEnabledHealthIndicator;
import org.springframework.boot.health.contributor.Health;
import org.springframework.boot.health.contributor.HealthIndicator;
import org.springframework.context.annotation.Bean;

/** Auto-configuration of health: {@code nats} is the connection as it is, {@code messaging} is for readiness. */
@AutoConfiguration(after = MessagingAutoConfiguration.class)
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
}
