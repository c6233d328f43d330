package dev.workloads.httpapi;

import dev.workloads.messaging.autoconfigure.KnownPropertiesOnly;
import dev.workloads.messaging.observation.TracingOnDemand;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.boot.context.properties.ConfigurationPropertiesScan;
import org.springframework.boot.servlet.autoconfigure.HttpEncodingAutoConfiguration;
import org.springframework.boot.webmvc.autoconfigure.WebMvcAutoConfiguration;
import org.springframework.boot.webmvc.autoconfigure.error.ErrorMvcAutoConfiguration;

/** The HTTP API as an application. One servlet answers every path, so Spring MVC serves the management port only. */
@SpringBootApplication(exclude = {
    WebMvcAutoConfiguration.class, ErrorMvcAutoConfiguration.class, HttpEncodingAutoConfiguration.class})
@ConfigurationPropertiesScan
public class HttpApiApplication {

  /** Reads {@code http-api.properties}, so that the app can share a class path with others. */
  public static SpringApplicationBuilder configure(SpringApplicationBuilder builder) {
    return builder.initializers(new TracingOnDemand(), new KnownPropertiesOnly("messaging", "task"))
        .sources(HttpApiApplication.class).properties("spring.config.name=application,http-api");
  }

  public static void main(String[] args) {
    configure(new SpringApplicationBuilder()).run(args);
  }
}
