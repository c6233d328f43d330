package dev.workloads.leet;

import dev.workloads.messaging.autoconfigure.KnownPropertiesOnly;
import dev.workloads.messaging.observation.TracingOnDemand;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.boot.builder.SpringApplicationBuilder;

/** The leet worker as an application. */
@SpringBootApplication
public class TaskLeetApplication {

  /** Reads {@code task-leet.properties}, so that the app can share a class path with others. */
  public static SpringApplicationBuilder configure(SpringApplicationBuilder builder) {
    return builder.initializers(new TracingOnDemand(), new KnownPropertiesOnly("messaging")).sources(TaskLeetApplication.class)
        .properties("spring.config.name=application,task-leet");
  }

  public static void main(String[] args) {
    configure(new SpringApplicationBuilder()).run(args);
  }
}
