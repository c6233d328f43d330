package dev.workloads.httpapi;

import dev.workloads.httpapi.tomcat.PublicPortTomcatCustomizer;
import dev.workloads.messaging.MessagingClient;
import dev.workloads.messaging.autoconfigure.MessagingProperties;
import dev.workloads.messaging.durable.DurableTasks;
import io.micrometer.core.instrument.MeterRegistry;
import java.io.IOException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.boot.actuate.autoconfigure.web.server.ManagementPortType;
import org.springframework.boot.context.properties.source.InvalidConfigurationPropertyValueException;
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
  DrainLifecycle drainLifecycle(TaskProperties properties, MessagingProperties messaging, PublicPortTomcatCustomizer tomcat,
      ObjectProvider<DurableTasks> durable) {
    return new DrainLifecycle(properties.drainDelay(), messaging.drainTimeout(), () -> {
      tomcat.goAway();
      durable.ifAvailable(DurableTasks::wakeAll);
    });
  }

  @Bean
  Limits limits(TaskProperties properties, TomcatServerProperties tomcat, Environment environment) {
    Integer maxConnections = environment.getProperty("server.tomcat.max-connections", Integer.class);
    int threads = Threading.VIRTUAL.isActive(environment) ? Integer.MAX_VALUE : tomcat.getThreads().getMax();
    Limits limits = Limits.derive(Runtime.getRuntime().maxMemory(), maxConnections, threads, properties);
    log.info("The public port takes at most {} connections, {} waiting requests and {} bytes of HTTP bodies",
        limits.maxConnections(), limits.maxInFlight(), limits.maxBuffered());
    return limits;
  }

  @Bean
  ServletRegistrationBean<TaskServlet> taskServlet(MessagingClient client, ObjectProvider<DurableTasks> durable,
      TaskProperties properties, Clients clients, DrainLifecycle drain, Limits limits) throws IOException {
    DurableTasks tasks = properties.durable().enabled() ? durable.getObject() : null;
    TaskPage page = properties.page().enabled() ? new TaskPage(properties.durable().enabled()) : null;
    return new ServletRegistrationBean<>(new TaskServlet(client, tasks, properties, clients, drain, limits, page), "/*");
  }

  @Bean
  Clients clients(TaskProperties properties, ObjectProvider<ClientResolver> resolver, MeterRegistry meters) {
    boolean named = !properties.clients().isEmpty();
    ClientResolver names = resolver.getIfAvailable(() -> named ? new KeyClientResolver(properties.clients()) : null);
    Clients clients = new Clients(properties, names, meters);
    if (properties.workers().isEmpty()) {
      log.info("Whoever may send requests can ask every subject under tasks. To name the workers that may be asked for, set "
          + "task.workers");
    }
    TaskProperties.Durable durable = properties.durable();
    if (names == null && durable.enabled() && durable.idSecret() == null) {
      log.info("Whoever guesses an Idempotency-Key can read and cancel its task. To keep tasks apart, set task.durable.id-secret "
          + "or task.clients");
    }
    return clients;
  }

  @Bean
  PublicPortTomcatCustomizer publicPortTomcatCustomizer(Limits limits, TaskProperties properties,
      Environment environment) {
    // A processor holds what one request needs. Tomcat keeps as many as requests wait, so that it makes none anew under load
    return new PublicPortTomcatCustomizer(limits.maxConnections(), properties.writeTimeout(),
        environment.getProperty("server.tomcat.processor-cache", Integer.class, limits.maxInFlight()));
  }
}
