package dev.workloads.systemtests;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.workloads.messaging.test.NatsServer;
import io.nats.client.AuthenticationException;
import io.nats.client.Connection;
import io.nats.client.ErrorListener;
import io.nats.client.NUID;
import io.nats.client.Nats;
import io.nats.client.Options;
import io.nats.client.Subscription;
import io.nats.service.Discovery;
import io.nats.service.PingResponse;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.stream.Stream;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.Test;

/** The configuration that docker-compose gives nats-server: both apps work with it, and nothing else does. */
class LeastPrivilegeIT {

  private static final Path CONFIGURATION = Path.of("..", "deploy", "nats", "nats.conf");
  private static final Map<String, String> PASSWORDS =
      Map.of("HTTP_API_NATS_PASSWORD", "\"1234\"", "TASK_LEET_NATS_PASSWORD", "\"leet # 1e3\"",
          "OPERATOR_NATS_PASSWORD", "\"operator\"");
  private static final String[] HTTP_API = {"--messaging.nats.username=http-api", "--messaging.nats.password=1234",
      "--messaging.nats.inbox-prefix=_INBOX_http_api"};
  private static final String[] TASK_LEET = {"--messaging.nats.username=task-leet",
      "--messaging.nats.password=leet # 1e3"};
  private static final Duration PATIENCE = Duration.ofSeconds(5);

  @AutoClose
  private static final NatsServer NATS = NatsServer.start(PASSWORDS, "-c", CONFIGURATION.toString());

  @Test
  void packagedAppsWorkTogether() throws IOException {
    try (App worker = App.taskLeet(NATS.url(), TASK_LEET).awaitReady();
        App httpApi = App.httpApi(NATS.url(), HTTP_API).awaitReady()) {
      for (String name : List.of("task-leet", "another.worker")) {
        assertThat(httpApi.post("{\"worker\": \"" + name + "\", \"payload\": \"Hello World\"}").body())
            .isEqualTo("H3110 W0r1d");
      }
      assertThat(httpApi.post("{\"payload\": \"Hello World\"}").body()).isEqualTo("H3110 W0r1d");
      assertThat(worker.log() + httpApi.log()).doesNotContainIgnoringCase("violation");
    }
  }

  @Test
  void refusalsShowInTheAppsLogAndHealth() throws IOException {
    try (App worker = App.taskLeet(NATS.url(), App.with(TASK_LEET, "--messaging.consumer-group=spies"));
        App httpApi = App.httpApi(NATS.url(), TASK_LEET)) {
      worker.awaitLiveButNotReady();
      awaitHealth(worker, "Permissions Violation for Subscription to \\\"tasks.>\\\" using queue \\\"spies\\\"");
      assertThat(worker.liveness()).isEqualTo(200);
      assertThat(worker.log()).containsIgnoringCase(
          "NATS refused a subscription: Permissions Violation for Subscription to \"tasks.>\" using queue \"spies\"");

      httpApi.awaitReady();
      assertThat(httpApi.post("{\"payload\": \"x\"}").statusCode()).isEqualTo(502);
      assertThat(httpApi.log())
          .containsIgnoringCase("NATS reported an error: Permissions Violation for Publish to \"tasks.default\"");
      awaitHealth(httpApi, "Permissions Violation for Subscription to \\\"_INBOX.");
      assertThat(httpApi.readiness()).isEqualTo(503);
    }
  }

  private static void awaitHealth(App app, String problem) {
    Awaitility.await().atMost(PATIENCE).untilAsserted(
        () -> assertThat(app.management("/actuator/health").body()).containsIgnoringCase(problem));
  }

  @Test
  void nobodyElseGetsIn() {
    // Side by side: jnats takes its whole timeout to tell of a rejected login
    Stream.of(new String[] {}, new String[] {"http-api", ""}, new String[] {"http-api", "leet # 1e3"},
        new String[] {"task-leet", "1234"}, new String[] {"operator", "1234"},
        new String[] {"admin", "1234"}).parallel().forEach(login ->
            assertThatExceptionOfType(AuthenticationException.class).isThrownBy(() -> new Client(NATS, login)));
  }

  @Test
  void httpApiMayOnlySendTasksAndHearItsOwnReplies() throws Exception {
    try (Client client = new Client(NATS, "http-api", "1234")) {
      for (String subject : List.of("tasks.>", "tasks.default", "_INBOX.>", "_INBOX.x", "_INBOX_http_api", "$SRV.>",
          "$SYS.>", ">", "*")) {
        client.subscribe(subject, null).isRefused("Subscription to \"" + subject + "\"");
      }
      for (String subject : List.of("tasks", "task.x", "_INBOX_http_api.x", "_INBOX.x", "$SRV.PING",
          "$SYS.REQ.SERVER.PING", "$JS.API.INFO")) {
        client.publish(subject).isRefused("Publish to \"" + subject + "\"");
      }
      client.subscribe("tasks.default", "task-leet").isRefused("Subscription to \"tasks.default\"");
      client.subscribe("_INBOX_http_api.mine.>", null).isAllowed();
      client.publish("tasks.default").isAllowed();
    }
  }

  @Test
  void taskLeetMayOnlyTakeTasksInItsGroupAndReplyOnce() throws Exception {
    try (Client requester = new Client(NATS, "http-api", "1234");
        Client client = new Client(NATS, "task-leet", "leet # 1e3")) {
      client.subscribe("tasks.>", null).isRefused("Subscription to \"tasks.>\"");
      client.subscribe("tasks.default", null).isRefused("Subscription to \"tasks.default\"");
      client.subscribe("tasks.>", "spies").isRefused("Subscription to \"tasks.>\" using queue \"spies\"");
      for (String subject : List.of(">", "*.default", "_INBOX_http_api.>", "_INBOX.>", "$SYS.>", "$JS.API.>")) {
        client.subscribe(subject, null).isRefused("Subscription to \"" + subject + "\"");
        client.subscribe(subject, "task-leet").isRefused("Subscription to \"" + subject + "\"");
      }
      for (String subject : List.of("tasks.default", "_INBOX_http_api.x", "_INBOX.x", "$SRV.PING")) {
        client.publish(subject).isRefused("Publish to \"" + subject + "\"");
      }
      client.subscribe("tasks.default", "task-leet").isAllowed();
      client.subscribe("$SRV.PING", null).isAllowed();
      client.subscribe("$SRV.PING.task-leet.>", null).isAllowed();

      Subscription tasks = client.connection.subscribe("tasks.here", "task-leet");
      client.connection.flush(PATIENCE);
      Subscription replies = requester.connection.subscribe("_INBOX_http_api.mine");
      requester.connection.publish("tasks.here", "_INBOX_http_api.mine", new byte[0]);
      String replyTo = tasks.nextMessage(PATIENCE).getReplyTo();
      client.publish(replyTo).isAllowed();
      client.publish(replyTo).isRefused("Publish to \"" + replyTo + "\"");
      assertThat(replies.nextMessage(PATIENCE)).isNotNull();
    }
  }

  @Test
  void operatorSeesTheWorkersAndNothingElse() throws Exception {
    try (App worker = App.taskLeet(NATS.url(), TASK_LEET).awaitReady();
        Client operator = new Client(NATS, "operator", "operator")) {
      var discovery = new Discovery(operator.connection, 1000, 1);
      discovery.setInboxSupplier(() -> "_INBOX_operator." + NUID.nextGlobal());
      assertThat(discovery.ping()).extracting(PingResponse::getName).containsExactly("task-leet");
      assertThat(discovery.info("task-leet")).isNotEmpty();
      assertThat(discovery.stats("task-leet")).isNotEmpty();
      operator.isAllowed();
      assertThat(worker.log()).doesNotContainIgnoringCase("violation");

      for (String subject : List.of(">", "tasks.>", "$SRV.>", "_INBOX.>", "_INBOX_http_api.>", "_INBOX_operator",
          "$SYS.>")) {
        operator.subscribe(subject, null).isRefused("Subscription to \"" + subject + "\"");
      }
      operator.subscribe("tasks.>", "task-leet").isRefused("Subscription to \"tasks.>\"");
      for (String subject : List.of("tasks.default", "_INBOX_http_api.x", "_INBOX_operator.x", "$SYS.REQ.SERVER.PING",
          "$JS.API.INFO")) {
        operator.publish(subject).isRefused("Publish to \"" + subject + "\"");
      }
    }
  }

  /** A bare connection, and the errors that the server has sent it. */
  private static final class Client implements ErrorListener, AutoCloseable {

    private final Queue<String> errors = new ConcurrentLinkedQueue<>();
    private final Connection connection;

    Client(NatsServer server, String... login) throws IOException, InterruptedException {
      Options.Builder options = new Options.Builder().server(server.url()).noReconnect().errorListener(this)
          .connectionTimeout(Duration.ofSeconds(2));
      if (login.length > 0) {
        options.userInfo(login[0], login[1]);
      }
      connection = Nats.connect(options.build());
    }

    Client subscribe(String subject, String group) {
      Subscription ignored =
          group == null ? connection.subscribe(subject) : connection.subscribe(subject, group);
      assertThat(ignored.isActive()).isTrue();
      return this;
    }

    Client publish(String subject) {
      connection.publish(subject, new byte[0]);
      return this;
    }

    void isRefused(String what) throws Exception {
      connection.flush(PATIENCE);
      Awaitility.await(what + " is refused").atMost(PATIENCE).pollInterval(Duration.ofMillis(5))
          .until(() -> !errors.isEmpty());
      assertThat(errors.poll()).startsWithIgnoringCase("Permissions Violation for " + what);
      assertThat(errors).isEmpty();
    }

    void isAllowed() throws Exception {
      connection.flush(PATIENCE);
      // jnats tells of errors on a thread of its own; one that is sure to come last proves that there was none before
      String sentinel = "$sentinel";
      publish(sentinel).isRefused("Publish to \"" + sentinel + "\"");
    }

    @Override
    public void errorOccurred(Connection from, String error) {
      errors.add(error);
    }

    @Override
    public void close() throws InterruptedException {
      connection.close();
    }
  }
}
