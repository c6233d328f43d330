package dev.workloads.messaging.autoconfigure;

import static java.util.concurrent.TimeUnit.SECONDS;
import static org.assertj.core.api.Assertions.assertThat;

import dev.workloads.messaging.BrokerMessageHandler;
import java.io.BufferedReader;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.ImportAutoConfiguration;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;

/** A worker without a web server, as a process of its own. */
class WorkerProcessTests {

  @Test
  void livesWithoutNatsUntilItIsStopped() throws Exception {
    Process process = new ProcessBuilder(Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-cp",
        System.getProperty("java.class.path"), Worker.class.getName(), "--spring.docker.compose.enabled=false",
        "--spring.application.name=worker", "--messaging.subscriptions=work",
        "--messaging.nats.servers=nats://127.0.0.1:1")
        .redirectErrorStream(true).start();
    try (BufferedReader output = process.inputReader()) {
      List<String> started = output.lines().takeWhile(line -> !line.contains("Started ")).toList();
      assertThat(started).anyMatch(line -> line.contains("Handling [work] in group worker"))
          .noneMatch(line -> line.contains("Subscribed"));
      assertThat(process.waitFor(1, SECONDS)).as("ended").isFalse();
      process.destroy();
      assertThat(process.waitFor(10, SECONDS)).as("stopped").isTrue();
      assertThat(process.exitValue()).isEqualTo(128 + 15);
    } finally {
      process.destroyForcibly();
    }
  }

  @Configuration(proxyBeanMethods = false)
  @ImportAutoConfiguration(MessagingAutoConfiguration.class)
  static class Worker {

    public static void main(String[] args) {
      SpringApplication.run(Worker.class, args);
    }

    @Bean
    BrokerMessageHandler handler() {
      return message -> null;
    }
  }
}
