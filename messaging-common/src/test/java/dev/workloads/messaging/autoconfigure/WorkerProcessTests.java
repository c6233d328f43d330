package dev.workloads.messaging.autoconfigure;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.util.concurrent.TimeUnit.SECONDS;
import static org.assertj.core.api.Assertions.assertThat;

import dev.workloads.messaging.BrokerMessageHandler;
import dev.workloads.messaging.test.NatsServer;
import io.nats.client.Connection;
import io.nats.client.Message;
import io.nats.client.Nats;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.ImportAutoConfiguration;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.util.ClassUtils;

/** A worker without a web server, as a process of its own. */
class WorkerProcessTests {

  private static final Duration PATIENCE = Duration.ofSeconds(20);

  @TempDir
  private Path directory;

  @Test
  void livesWithoutNatsUntilItIsStopped() throws Exception {
    Process process = start("nats://127.0.0.1:1");
    try {
      awaitOutput("Started ");
      assertThat(output()).contains("Listener handler handles [work] in group worker")
          .doesNotContain("Connected to NATS");
      assertThat(process.waitFor(1, SECONDS)).as("ended").isFalse();
      stop(process);
    } finally {
      process.destroyForcibly();
    }
  }

  @Test
  void answersAndSendsTheLastReplyAsItIsStopped() throws Exception {
    assertThat(ClassUtils.isPresent("jakarta.servlet.Servlet", null)).as("web").isFalse();
    try (NatsServer nats = NatsServer.start(); Connection client = Nats.connect(nats.url())) {
      Process process = start(nats.url());
      try {
        Awaitility.await().until(() -> client.request("work", bytes("now"), PATIENCE) != null);
        CompletableFuture<Message> reply = client.request("work", bytes("later"));
        awaitOutput("waits for the stop");
        stop(process);
        assertThat(reply.get(5, SECONDS).getData()).asString(UTF_8).isEqualTo("later");
      } finally {
        process.destroyForcibly();
      }
    }
  }

  @Test
  void livesWhileItsLoginIsRejected() throws Exception {
    Path configuration = directory.resolve("nats.conf");
    allow(configuration, "other");
    try (NatsServer nats = NatsServer.start("-c", configuration.toString())) {
      Process process = start(nats.url().replace("//", "//worker:secret@"));
      try {
        awaitOutput("Cannot connect to NATS");
        assertThat(process.waitFor(1, SECONDS)).as("ended, rejected at the start").isFalse();
        allow(configuration, "worker");
        nats.signal("HUP");
        awaitOutput("Connected to NATS");
        allow(configuration, "other");
        nats.signal("HUP");
        awaitOutput("Lost the connection to NATS");
        assertThat(process.waitFor(1, SECONDS)).as("ended, rejected later").isFalse();
        allow(configuration, "worker");
        nats.signal("HUP");
        Awaitility.await().until(() -> output().split("Connected to NATS").length > 2); // it has read that
        try (Connection client = Nats.connect(nats.url().replace("//", "//worker:secret@"))) {
          Awaitility.await().until(() -> client.request("work", bytes("now"), PATIENCE) != null);
        }
        stop(process);
      } finally {
        process.destroyForcibly();
      }
    }
  }

  private static void allow(Path configuration, String user) throws IOException {
    Files.writeString(configuration, "authorization { user: " + user + ", password: secret }");
  }

  private Process start(String nats) throws IOException {
    return new ProcessBuilder(Path.of(System.getProperty("java.home"), "bin", "java").toString(), "-cp",
        System.getProperty("java.class.path"), Worker.class.getName(), "--spring.docker.compose.enabled=false",
        "--spring.application.name=worker", "--messaging.subscriptions=work", "--messaging.nats.servers=" + nats)
        .redirectErrorStream(true).redirectOutput(directory.resolve("output").toFile()).start();
  }

  private void awaitOutput(String text) {
    Awaitility.await().until(() -> output().contains(text));
  }

  private String output() throws IOException {
    return Files.readString(directory.resolve("output"));
  }

  private static byte[] bytes(String text) {
    return text.getBytes(UTF_8);
  }

  private static void stop(Process process) throws InterruptedException {
    process.destroy();
    assertThat(process.waitFor(10, SECONDS)).as("stopped").isTrue();
    assertThat(process.exitValue()).isEqualTo(128 + 15);
  }

  @Configuration(proxyBeanMethods = false)
  @ImportAutoConfiguration(MessagingAutoConfiguration.class)
  static class Worker {

    public static void main(String[] args) {
      SpringApplication.run(Worker.class, args);
    }

    @Bean
    BrokerMessageHandler handler() {
      CountDownLatch stopping = new CountDownLatch(1);
      Runtime.getRuntime().addShutdownHook(new Thread(stopping::countDown));
      return message -> {
        if (message.text().equals("later")) {
          System.out.println("waits for the stop");
          stopping.await();
        }
        return message.reply(message.body());
      };
    }
  }
}
