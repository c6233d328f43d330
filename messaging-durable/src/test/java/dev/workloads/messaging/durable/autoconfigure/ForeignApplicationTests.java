package dev.workloads.messaging.durable.autoconfigure;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.springframework.beans.factory.config.ConfigurableListableBeanFactory;
import org.springframework.boot.autoconfigure.AutoConfiguration;
import org.springframework.boot.autoconfigure.AutoConfigurations;
import org.springframework.boot.context.annotation.ImportCandidates;
import org.springframework.boot.test.context.runner.ApplicationContextRunner;
import org.springframework.util.ClassUtils;

/** What an application gets that has the modules on its class path and uses none of them. */
class ForeignApplicationTests {

  private static final String OURS = "dev.workloads.";

  private final ApplicationContextRunner foreign = new ApplicationContextRunner()
      .withConfiguration(AutoConfigurations.of(ImportCandidates.load(AutoConfiguration.class, null).getCandidates().stream()
          .filter(name -> name.startsWith(OURS) || name.endsWith(".HealthEndpointAutoConfiguration"))
          .map(name -> ClassUtils.resolveClassName(name, null)).toArray(Class<?>[]::new)))
      .withPropertyValues("messaging.nats.servers=nats://127.0.0.1:1", "spring.application.name=foreign");

  @Test
  void beansOfOursAreTheseAndNoOthers() {
    foreign.run(context -> assertThat(ours(context.getBeanFactory())).containsExactlyInAnyOrder(
        "bodyConverter", "messageListenerRegistry", "messagingClient", "natsConnectionDetails", "natsTransport",
        "serviceDiscovery", "streamSenders", "messagingHealthIndicator", "natsHealthIndicator", "messageListenerMetrics",
        "natsConnectionMetrics", "messagingDescriptions", "taskProgresses"));
  }

  // By where they are defined, since the types of many are Spring's; configuration classes and properties are named after theirs
  private static List<String> ours(ConfigurableListableBeanFactory beans) {
    return Arrays.stream(beans.getBeanDefinitionNames()).filter(name -> !name.contains(OURS)
        && String.valueOf(beans.getBeanDefinition(name).getResourceDescription()).contains(OURS)).toList();
  }
}
