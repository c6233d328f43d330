package dev.workloads.systemtests;

import dev.workloads.messaging.ReplySink;
import dev.workloads.messaging.annotation.NatsListener;
import org.springframework.boot.autoconfigure.EnableAutoConfiguration;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.context.annotation.Configuration;

/** A worker of {@code tasks.ticks} that counts: so far, and with so many milliseconds between, as the message says. */
@Configuration(proxyBeanMethods = false)
@EnableAutoConfiguration
class StreamWorker {

  @NatsListener(subjects = "tasks.ticks")
  void ticks(String message, ReplySink<String> replies) throws InterruptedException {
    String[] words = message.split(" ");
    for (int tick = 1; tick <= Integer.parseInt(words[0]); tick++) {
      replies.send(Integer.toString(tick));
      Thread.sleep(Long.parseLong(words[1])); // stands for the work
    }
  }

  public static void main(String[] args) {
    new SpringApplicationBuilder(StreamWorker.class).properties("spring.config.name=none",
        "spring.application.name=stream-worker", "management.endpoint.health.probes.enabled=true",
        "management.endpoint.health.group.readiness.include=readinessState,messaging",
        "management.endpoints.web.exposure.include=health,prometheus",
        "spring.threads.virtual.enabled=true").run(args);
  }
}
