package dev.workloads.systemtests;

import dev.workloads.messaging.BrokerMessageHandler;
import dev.workloads.messaging.MessageRejectedException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.boot.autoconfigure.EnableAutoConfiguration;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;

/**
 * A worker as slow as {@code worker.delay} says, which echoes a message, or fails if it starts with {@code worker.fails}, four
 * letters, or ends its JVM if it starts with {@code halt}. It adds a line to the file {@code worker.runs} for each durable task that it begins:
 * the id, and the milliseconds of the clock.
 */
@Configuration(proxyBeanMethods = false)
@EnableAutoConfiguration
class TestWorker {

  @Bean
  BrokerMessageHandler handler(@Value("${worker.delay:0}") long delayMillis, @Value("${worker.runs:}") String runs,
      @Value("${worker.fails:fail}") String fails) {
    return message -> {
      String id = message.header("Task-Id");
      if (id != null && !runs.isEmpty()) {
        Files.writeString(Path.of(runs), id + " " + System.currentTimeMillis() + "\n", StandardOpenOption.CREATE,
            StandardOpenOption.APPEND);
      }
      if (delayMillis > 0) {
        Thread.sleep(delayMillis); // stands for the work
      }
      String start = new String(message.body(), 0, Math.min(4, message.body().length), StandardCharsets.UTF_8);
      if (start.equals(fails)) {
        throw new MessageRejectedException(500, "failed as asked");
      }
      if (start.equals("halt")) {
        Runtime.getRuntime().halt(1);
      }
      return message.reply(message.body());
    };
  }

  public static void main(String[] args) {
    new SpringApplicationBuilder(TestWorker.class).properties("spring.config.name=none",
        "spring.application.name=test-worker", "messaging.subscriptions=tasks.>",
        "management.endpoint.health.probes.enabled=true", "management.endpoint.health.show-details=always",
        "management.endpoint.health.group.readiness.include=readinessState,messaging",
        "management.endpoints.web.exposure.include=health,prometheus",
        "spring.threads.virtual.enabled=true").run(args);
  }
}
