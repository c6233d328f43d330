package dev.workloads.messaging.observation;

import java.util.Map;
import org.springframework.context.ApplicationContextInitializer;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.core.env.ConfigurableEnvironment;
import org.springframework.core.env.MapPropertySource;

/**
 * Leaves tracing out of an application until an OTLP endpoint is named: spans that nobody receives cost a tenth of the CPU
 * time of a request, and more. Metrics stay. An application's own {@code spring.autoconfigure.exclude} takes precedence.
 */
public final class TracingOnDemand implements ApplicationContextInitializer<ConfigurableApplicationContext> {

  private static final String ENDPOINT = "management.opentelemetry.tracing.export.otlp.endpoint";
  private static final String TRACING = "org.springframework.boot.micrometer.tracing.autoconfigure."
      + "MicrometerTracingAutoConfiguration,org.springframework.boot.micrometer.tracing.opentelemetry.autoconfigure."
      + "OpenTelemetryTracingAutoConfiguration";

  @Override
  public void initialize(ConfigurableApplicationContext context) {
    ConfigurableEnvironment environment = context.getEnvironment();
    if (!environment.containsProperty(ENDPOINT)) {
      environment.getPropertySources().addLast(
          new MapPropertySource("tracingOnDemand", Map.of("spring.autoconfigure.exclude", TRACING)));
    }
  }
}
