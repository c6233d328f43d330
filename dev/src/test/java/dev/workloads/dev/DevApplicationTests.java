package dev.workloads.dev;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.workloads.messaging.MessageTransport;
import dev.workloads.messaging.durable.DurableStore;
import dev.workloads.messaging.test.NatsServer;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;
import org.springframework.context.ConfigurableApplicationContext;

/** Both apps in this JVM, without a broker unless asked for. */
@ExtendWith(OutputCaptureExtension.class)
class DevApplicationTests {

  @Test
  void bothAppsShareTheParentsTransport() throws IOException, InterruptedException {
    try (ConfigurableApplicationContext parent = start()) {
      assertThat(parent.getBeanNamesForType(MessageTransport.class)).hasSize(1);
      assertThat(answer(parent)).isEqualTo("H3110 W0r1d");
    }
  }

  @Test
  void nothingGoesOnWhereOneAppDoesNotStart() {
    assertThatThrownBy(() -> start("--task.request-timout=3s")).hasMessageContaining("task.request-timout");
    Awaitility.await().untilAsserted(() -> assertThat(Thread.getAllStackTraces().keySet()).extracting(Thread::getName)
        .doesNotContain("messaging-keep-alive"));
  }

  @Test
  void withTransportNatsBothAppsConnectToTheBroker() throws IOException, InterruptedException {
    try (NatsServer nats = NatsServer.start();
        ConfigurableApplicationContext parent =
            start("--messaging.transport=nats", "--messaging.nats.servers=" + nats.url())) {
      assertThat(parent.getBeanNamesForType(MessageTransport.class)).isEmpty();
      assertThat(answer(parent)).isEqualTo("H3110 W0r1d");
    }
  }

  @Test
  void durableTaskIsDoneAndItsResultIsKept(CapturedOutput log) throws IOException, InterruptedException {
    try (ConfigurableApplicationContext parent = start()) {
      assertThat(log.getOut()).contains("Durable tasks are kept in memory: they are gone when this ends");
      assertThat(durableAnswer(parent)).isEqualTo("H3110 W0r1d");
    }
  }

  @Test
  void withTransportNatsDurableTasksAreKeptByJetStream(CapturedOutput log, @TempDir Path directory)
      throws IOException, InterruptedException {
    try (NatsServer nats = NatsServer.start("-js", "-sd", directory.toString());
        ConfigurableApplicationContext parent =
            start("--messaging.transport=nats", "--messaging.nats.servers=" + nats.url())) {
      assertThat(log.getOut()).doesNotContain("kept in memory");
      Awaitility.await().until(() -> log.getOut().contains("Created the JetStream consumer"));
      assertThat(durableAnswer(parent)).isEqualTo("H3110 W0r1d");
    }
  }

  @Test
  void withoutDurableTasksThePreferenceIsIgnored(CapturedOutput log) throws IOException, InterruptedException {
    try (ConfigurableApplicationContext parent = start("--task.durable.enabled=false")) {
      assertThat(send(parent, "local.server.port", "/task", task().header("Prefer", "respond-async")).body())
          .isEqualTo("H3110 W0r1d");
      assertThat(parent.getBeanNamesForType(DurableStore.class)).isEmpty();
      assertThat(log.getOut()).doesNotContain("urable tasks");
    }
  }

  @Test
  void logHasNoBlankColumnsAndEndsWithWhatToTry(CapturedOutput log) throws IOException, InterruptedException {
    try (ConfigurableApplicationContext parent = start()) {
      answer(parent);
      assertThat(send(parent, "local.management.port", "/actuator/health", HttpRequest.newBuilder()).body()).contains("UP");

      List<String> lines = log.getOut().lines().toList();
      assertThat(lines).noneMatch(line -> line.contains(" ".repeat(40)));
      assertThat(lines.get(lines.size() - 1)).contains("Both apps are up. Try: curl");
    }
  }

  private static ConfigurableApplicationContext start(String... more) {
    String[] args = {"--server.port=0", "--management.server.port=0", "--task.drain-delay=0s"};
    return DevApplication.start(Stream.of(args, more).flatMap(Arrays::stream)
        .toArray(String[]::new));
  }

  private static String answer(ConfigurableApplicationContext parent) throws IOException, InterruptedException {
    return send(parent, "local.server.port", "/task", task()).body();
  }

  /** Submits a task, waits for its end, and returns its result. */
  private static String durableAnswer(ConfigurableApplicationContext parent) throws IOException, InterruptedException {
    HttpResponse<String> accepted =
        send(parent, "local.server.port", "/task", task().header("Prefer", "respond-async"));
    assertThat(accepted.statusCode()).as(accepted.body()).isEqualTo(202);
    String path = accepted.headers().firstValue("Location").orElseThrow();
    assertThat(send(parent, "local.server.port", path, HttpRequest.newBuilder().header("Prefer", "wait=20")).body())
        .contains("\"state\":\"succeeded\"");
    return send(parent, "local.server.port", path + "/result", HttpRequest.newBuilder()).body();
  }

  private static HttpRequest.Builder task() {
    return HttpRequest.newBuilder()
        .POST(BodyPublishers.ofString("{\"worker\": \"task-leet\", \"payload\": \"Hello World\"}"));
  }

  private static HttpResponse<String> send(ConfigurableApplicationContext parent, String port, String path,
      HttpRequest.Builder request) throws IOException, InterruptedException {
    String number = parent.getBean(Apps.class).last().getEnvironment().getRequiredProperty(port);
    return HttpClient.newHttpClient().send(request.uri(URI.create("http://127.0.0.1:" + number + path)).build(),
        BodyHandlers.ofString());
  }
}
