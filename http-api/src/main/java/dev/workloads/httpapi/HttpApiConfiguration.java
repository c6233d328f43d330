package dev.workloads.httpapi;

import dev.workloads.httpapi.tomcat.PublicPortTomcatCustomizer;
import dev.workloads.messaging.MessagingClient;
import dev.workloads.messaging.durable.DurableTasks;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.boot.actuate.autoconfigure.endpoint.condition.ConditionalOnAvailableEndpoint;
import org.springframework.boot.actuate.autoconfigure.web.server.ManagementPortType;
import org.springframework.boot.actuate.endpoint.ApiVersion;
import org.springframework.boot.actuate.endpoint.SecurityContext;
import org.springframework.boot.actuate.endpoint.web.WebEndpointResponse;
import org.springframework.boot.actuate.endpoint.web.WebServerNamespace;
import org.springframework.boot.context.properties.source.InvalidConfigurationPropertyValueException;
import org.springframework.boot.health.actuate.endpoint.HealthDescriptor;
import org.springframework.boot.health.actuate.endpoint.HealthEndpoint;
import org.springframework.boot.health.actuate.endpoint.HealthEndpointGroups;
import org.springframework.boot.health.actuate.endpoint.HealthEndpointWebExtension;
import org.springframework.boot.health.autoconfigure.actuate.endpoint.HealthEndpointProperties;
import org.springframework.boot.health.registry.HealthContributorRegistry;
import org.springframework.boot.thread.Threading;
import org.springframework.boot.tomcat.autoconfigure.TomcatServerProperties;
import org.springframework.boot.web.servlet.ServletRegistrationBean;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.core.env.Environment;

/** The beans of the HTTP API. */
@Configuration(proxyBeanMethods = false)
class HttpApiConfiguration {

  private static final Logger log = LoggerFactory.getLogger(HttpApiConfiguration.class);

  HttpApiConfiguration(Environment environment) {
    if (ManagementPortType.get(environment) == ManagementPortType.SAME) {
      throw new InvalidConfigurationPropertyValueException("management.server.port",
          environment.getProperty("management.server.port"),
          "The value must differ from server.port, whose every path is the API's.");
    }
  }

  @Bean
  DrainLifecycle drainLifecycle(TaskProperties properties, PublicPortTomcatCustomizer tomcat,
      ObjectProvider<DurableTasks> durable) {
    return new DrainLifecycle(properties.drainDelay(), () -> {
      tomcat.goAway();
      durable.ifAvailable(DurableTasks::wakeAll);
    });
  }

  @Bean
  Limits limits(TaskProperties properties, TomcatServerProperties tomcat, Environment environment) {
    Integer maxConnections = environment.getProperty("server.tomcat.max-connections", Integer.class);
    int threads = Threading.VIRTUAL.isActive(environment) ? Integer.MAX_VALUE : tomcat.getThreads().getMax();
    Limits limits = Limits.derive(Runtime.getRuntime().maxMemory(), maxConnections, threads, properties);
    log.info("At most {} connections, {} requests that wait for a worker, {} bytes of HTTP bodies",
        limits.maxConnections(), limits.maxInFlight(), limits.maxBuffered());
    return limits;
  }

  @Bean
  ServletRegistrationBean<TaskServlet> taskServlet(MessagingClient client, ObjectProvider<DurableTasks> durable,
      TaskProperties properties, DrainLifecycle drain, Limits limits) {
    DurableTasks tasks = properties.durable().enabled() ? durable.getObject() : null;
    TaskPage page = properties.page().enabled() ? new TaskPage() : null;
    return new ServletRegistrationBean<>(new TaskServlet(client, tasks, properties, drain, limits, page), "/*");
  }

  /** Spring Boot's, which fails where it should answer 404: below a component that there is not. */
  @Bean
  @ConditionalOnAvailableEndpoint(HealthEndpoint.class)
  HealthEndpointWebExtension healthEndpointWebExtension(HealthContributorRegistry contributors,
      HealthEndpointGroups groups, HealthEndpointProperties health) {
    return new HealthEndpointWebExtension(contributors, null, groups,
        health.getLogging().getSlowIndicatorThreshold()) {
      @Override
      public WebEndpointResponse<HealthDescriptor> health(ApiVersion version, @Nullable WebServerNamespace namespace,
          SecurityContext security, boolean showAll, String... path) {
        try {
          return super.health(version, namespace, security, showAll, path);
        } catch (IllegalStateException e) {
          return new WebEndpointResponse<>(WebEndpointResponse.STATUS_NOT_FOUND);
        }
      }
    };
  }

  @Bean
  PublicPortTomcatCustomizer publicPortTomcatCustomizer(Limits limits, Environment environment) {
    // A processor holds what one request needs: as many are kept as requests wait, so that none is made anew under load
    return new PublicPortTomcatCustomizer(limits.maxConnections(),
        environment.getProperty("server.tomcat.processor-cache", Integer.class, limits.maxInFlight()));
  }
}
