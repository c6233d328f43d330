package dev.workloads.leet;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.workloads.messaging.BrokerException;
import dev.workloads.messaging.BrokerException.Reason;
import dev.workloads.messaging.BrokerMessage;
import dev.workloads.messaging.MessagingClient;
import dev.workloads.messaging.inprocess.InProcessTransport;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.support.GenericApplicationContext;

/** The worker as it is, over a transport that it shares with the test. */
@ExtendWith(OutputCaptureExtension.class)
class TaskLeetApplicationTests {

  private static final InProcessTransport transport = new InProcessTransport();
  private static final MessagingClient client = new MessagingClient(transport, Duration.ZERO);
  private static final Duration TIMEOUT = Duration.ofSeconds(10);

  private static ConfigurableApplicationContext app;

  @BeforeAll
  static void start() {
    app = start("--server.port=0");
  }

  @AfterAll
  static void stop() {
    app.close();
  }

  @ParameterizedTest
  @ValueSource(strings = {"tasks.default", "tasks.task-leet", "tasks.anything", "tasks.a.b.c"})
  void everyTaskGetsItsLeetReply(String subject) {
    assertThat(client.request(BrokerMessage.of(subject, "Hello World"), TIMEOUT).text()).isEqualTo("H3110 W0r1d");
  }

  @ParameterizedTest
  @ValueSource(strings = {"tasks", "task.default", "other.tasks.x", "Tasks.x"})
  void otherSubjectsHaveNoResponders(String subject) {
    assertThatExceptionOfType(BrokerException.class)
        .isThrownBy(() -> client.request(BrokerMessage.of(subject, "x"), TIMEOUT))
        .satisfies(failure -> assertThat(failure.reason()).isEqualTo(Reason.NO_RESPONDERS));
  }

  @Test
  void requesterIsToldThatItsBodyIsNotUtf8() {
    assertThatExceptionOfType(BrokerException.class)
        .isThrownBy(() -> client.request("tasks.x", new byte[] {(byte) 0xFF}, TIMEOUT))
        .withMessageStartingWith("failed to decode body: ")
        .satisfies(failure -> assertThat(failure.reason()).isEqualTo(Reason.HANDLER_REJECTED));
  }

  @Test
  void messageWithoutReplyToIsCountedAndNotAnswered() throws Exception {
    BlockingQueue<BrokerMessage> others = new LinkedBlockingQueue<>();
    try (var all = transport.subscribe(List.of(">"), null, (message, replies) -> others.add(message))) {
      assertThat(all).isNotNull();
      double before = missingReplyTos();

      transport.publish(BrokerMessage.of("tasks.x", "x"));

      Awaitility.await().untilAsserted(() -> assertThat(missingReplyTos()).isEqualTo(before + 1));
      assertThat(others).extracting(BrokerMessage::subject).containsExactly("tasks.x");
    }
  }

  private static double missingReplyTos() throws IOException, InterruptedException {
    return get("/actuator/prometheus").body().lines()
        .filter(line -> line.startsWith("messaging_missing_reply_to_total"))
        .mapToDouble(line -> Double.parseDouble(line.substring(line.lastIndexOf(' ') + 1))).sum();
  }

  @ParameterizedTest
  @ValueSource(strings = {"/actuator/health", "/actuator/health/readiness", "/actuator/health/liveness"})
  void workerIsUp(String path) throws Exception {
    HttpResponse<String> answer = get(path);

    assertThat(answer.statusCode()).isEqualTo(200);
    assertThat(answer.body()).contains("\"status\":\"UP\"");
  }

  @ParameterizedTest
  @ValueSource(strings = {"/actuator/info", "/actuator/prometheus"})
  void actuatorIsThere(String path) throws Exception {
    assertThat(get(path).statusCode()).isEqualTo(200);
  }

  @Test
  void readinessIncludesTheTransport() throws Exception {
    assertThat(get("/actuator/health/readiness").body()).contains("\"messaging\"", "\"readinessState\"");
  }

  @ParameterizedTest
  @ValueSource(strings = {"/actuator/env", "/actuator/shutdown", "/actuator/heapdump", "/actuator/sbom", "/task", "/"})
  void nothingElseIsThere(String path) throws Exception {
    assertThat(get(path).statusCode()).isEqualTo(404);
  }

  @ParameterizedTest
  @ValueSource(strings = {"/actuator/health/x", "/actuator/..;/x"})
  void unknownHealthIsNotFoundWithoutAStackTrace(String path, CapturedOutput output) throws Exception {
    assertThat(get(path).statusCode()).isEqualTo(404);
    assertThat(output.getAll()).doesNotContain("Exception");
  }

  @Test
  void replicasShareTheMessagesOfTheGroupNamedAsTheApplication() {
    try (ConfigurableApplicationContext replica = start("--server.port=0")) {
      assertThat(replica.getEnvironment().getProperty("spring.application.name")).isEqualTo("task-leet");
      BlockingQueue<BrokerMessage> replies = new LinkedBlockingQueue<>();
      try (var inbox = transport.subscribe(List.of("replies"), null, (reply, none) -> replies.add(reply));
          var member = transport.subscribe(List.of("tasks.>"), "task-leet",
              (message, way) -> way.send(message.reply("member")))) {
        assertThat(inbox).isNotSameAs(member);

        for (int i = 0; i < 100; i++) {
          transport.publish(BrokerMessage.of("tasks.x", "leet").withReplyTo("replies"));
        }

        Awaitility.await().untilAsserted(() -> assertThat(replies).hasSizeGreaterThanOrEqualTo(100));
        assertThat(replies).hasSize(100).extracting(BrokerMessage::text).contains("1337", "member");
      }
    }
  }

  @Test
  void groupCanBeNamedOtherwise() {
    BlockingQueue<BrokerMessage> replies = new LinkedBlockingQueue<>();
    try (ConfigurableApplicationContext other = start("--server.port=0", "--messaging.consumer-group=other");
        var inbox = transport.subscribe(List.of("replies"), null, (reply, none) -> replies.add(reply))) {
      assertThat(other.isRunning()).isTrue();
      assertThat(inbox).isNotNull();

      transport.publish(BrokerMessage.of("tasks.x", "leet").withReplyTo("replies"));

      Awaitility.await().untilAsserted(() -> assertThat(replies).hasSize(2)); // one of each group
    }
  }

  @Test
  void stoppedWorkerLeavesItsSubjects() {
    try (ConfigurableApplicationContext narrow = start("--server.port=0", "--messaging.subscriptions=narrow.>")) {
      assertThat(narrow.isRunning()).isTrue();
      assertThat(client.request(BrokerMessage.of("narrow.x", "leet"), TIMEOUT).text()).isEqualTo("1337");
    }

    assertThatExceptionOfType(BrokerException.class)
        .isThrownBy(() -> client.request(BrokerMessage.of("narrow.x", "x"), TIMEOUT))
        .satisfies(failure -> assertThat(failure.reason()).isEqualTo(Reason.NO_RESPONDERS));
  }

  private static ConfigurableApplicationContext start(String... settings) {
    GenericApplicationContext parent = new GenericApplicationContext();
    // The parent does not close it: its apps come and go
    parent.registerBean(InProcessTransport.class, () -> transport, bean -> bean.setDestroyMethodName(""));
    parent.refresh();
    SpringApplicationBuilder builder = TaskLeetApplication.configure(new SpringApplicationBuilder()).parent(parent);
    return builder.properties("logging.level.root=warn", "spring.main.banner-mode=off",
        "spring.main.register-shutdown-hook=false").run(settings);
  }

  private static HttpResponse<String> get(String path) throws IOException, InterruptedException {
    String port = app.getEnvironment().getRequiredProperty("local.server.port");
    HttpRequest request = HttpRequest.newBuilder(URI.create("http://localhost:" + port + path)).build();
    return HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.ofString());
  }
}
