package dev.workloads.httpapi;

import dev.workloads.httpapi.tomcat.PublicPortTomcatCustomizer;
import dev.workloads.messaging.MessagingClient;
import org.jspecify.annotations.Nullable;
import org.springframework.boot.thread.Threading;
import org.springframework.boot.tomcat.autoconfigure.TomcatServerProperties;
import org.springframework.boot.web.servlet.ServletRegistrationBean;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.core.env.Environment;
import org.springframework.util.unit.DataSize;

/** The beans of the HTTP API. */
@Configuration(proxyBeanMethods = false)
class HttpApiConfiguration {

  private static final int MAX_IN_FLIGHT_ON_VIRTUAL_THREADS = 4096;
  // A third of it is used if every connection has sent half a request
  private static final long HEAP_PER_CONNECTION = 96 * 1024;

  @Bean
  DrainLifecycle drainLifecycle(TaskProperties properties) {
    return new DrainLifecycle(properties.drainDelay());
  }

  @Bean
  ServletRegistrationBean<TaskServlet> taskServlet(MessagingClient client, TaskProperties properties,
      DrainLifecycle drain, TomcatServerProperties tomcat, Environment environment) {
    TaskServlet servlet = new TaskServlet(client, properties, drain,
        maxInFlight(properties.maxInFlight(), tomcat.getThreads().getMax(), Threading.VIRTUAL.isActive(environment)),
        maxBuffered(properties.maxBuffered()));
    return new ServletRegistrationBean<>(servlet, "/*");
  }

  private static int maxInFlight(@Nullable Integer configured, int threads, boolean virtualThreads) {
    if (configured != null) {
      return configured;
    }
    // A tenth of the threads stays free to refuse what is too much
    return virtualThreads ? MAX_IN_FLIGHT_ON_VIRTUAL_THREADS : Math.max(1, threads - Math.max(1, threads / 10));
  }

  private static int maxBuffered(@Nullable DataSize configured) {
    long bytes = configured == null ? Runtime.getRuntime().maxMemory() / 8 : configured.toBytes();
    return (int) Math.min(bytes, Integer.MAX_VALUE); // bytes are the permits of a Semaphore, which counts no further
  }

  @Bean
  PublicPortTomcatCustomizer publicPortTomcatCustomizer(TomcatServerProperties tomcat, Environment environment) {
    boolean configured = environment.containsProperty("server.tomcat.max-connections");
    int most = tomcat.getMaxConnections();
    long fitting = Runtime.getRuntime().maxMemory() / HEAP_PER_CONNECTION;
    return new PublicPortTomcatCustomizer(configured ? most : (int) Math.min(most, fitting));
  }
}
