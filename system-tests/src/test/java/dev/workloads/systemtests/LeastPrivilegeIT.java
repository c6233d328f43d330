package dev.workloads.systemtests;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.workloads.messaging.test.NatsServer;
import io.nats.client.AuthenticationException;
import io.nats.client.Connection;
import io.nats.client.ErrorListener;
import io.nats.client.Message;
import io.nats.client.NUID;
import io.nats.client.Nats;
import io.nats.client.Options;
import io.nats.client.Subscription;
import io.nats.client.impl.Headers;
import io.nats.service.Discovery;
import io.nats.service.PingResponse;
import java.io.IOException;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.stream.Stream;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The configuration that docker-compose gives nats-server: both apps work with it, and nothing else does. */
class LeastPrivilegeIT {

  private static final Path CONFIGURATION = Path.of("..", "deploy", "nats", "nats.conf");
  private static final Map<String, String> PASSWORDS =
      Map.of("HTTP_API_NATS_PASSWORD", "\"1234\"", "TASK_LEET_NATS_PASSWORD", "\"leet # 1e3\"",
          "PROVISIONER_NATS_PASSWORD", "\"init\"", "OPERATOR_NATS_PASSWORD", "\"operator\"");
  private static final String[] HTTP_API = {"--messaging.nats.username=http-api", "--messaging.nats.password=1234",
      "--messaging.nats.inbox-prefix=_INBOX_http_api", "--task.durable.enabled=true",
      "--messaging.durable.provision=false"};
  private static final String[] OPERATED = App.with(HTTP_API, "--management.endpoint.tasks.access=unrestricted");
  private static final String[] LEET_LOGIN = {"--messaging.nats.username=task-leet",
      "--messaging.nats.password=leet # 1e3"};
  private static final String[] TASK_LEET = App.with(LEET_LOGIN, "--messaging.nats.inbox-prefix=_INBOX_task_leet",
      "--messaging.durable.subscriptions=jobs.default,jobs.task-leet", "--messaging.durable.provision=false");
  private static final String[] PROVISIONER = {"--messaging.nats.username=provisioner",
      "--messaging.nats.password=init", "--messaging.nats.inbox-prefix=_INBOX_provisioner",
      "--messaging.durable.subscriptions=jobs.default,jobs.task-leet", "--messaging.durable.provision-only=true",
      "--messaging.listener.enabled=false"};
  private static final List<String> JET_STREAM = List.of("$JS.API.INFO", "$JS.API.STREAM.CREATE.JOBS_other",
      "$JS.API.STREAM.UPDATE.JOBS_other", "$JS.API.STREAM.DELETE.KV_TASKS", "$JS.API.STREAM.PURGE.JOBS_task-leet",
      "$JS.API.STREAM.MSG.DELETE.JOBS_task-leet", "$JS.API.STREAM.MSG.GET.JOBS_other",
      "$JS.API.DIRECT.GET.JOBS_DEAD.jobs-dead.task-leet", "$JS.API.STREAM.SNAPSHOT.KV_TASKS",
      "$JS.API.CONSUMER.CREATE.KV_TASKS", "$JS.API.CONSUMER.DURABLE.CREATE.KV_TASKS.spy",
      "$JS.API.CONSUMER.DELETE.JOBS_task-leet.task-leet", "$JS.API.CONSUMER.MSG.NEXT.JOBS_other.other",
      "$JS.ACK.JOBS_other.other.1.1.1.1.0", "$KV.OTHER.x", "jobs", "jobs-dead.other");
  private static final Duration PATIENCE = Duration.ofSeconds(5);

  @TempDir
  private static Path directory;
  @AutoClose
  private static NatsServer nats;

  @BeforeAll
  static void createWhatTasksAreKeptIn() {
    nats = NatsServer.start(PASSWORDS, "-c", CONFIGURATION.toString(), "-sd", directory.toString());
    assertThat(provision()).contains("Created the JetStream stream KV_TASKS", "Created the JetStream stream JOBS_DEAD",
        "Created the JetStream stream JOBS_task-leet", "Created the JetStream consumer task-leet");
  }

  private static String provision() {
    try (App provisioner = App.taskLeet(nats.url(), PROVISIONER)) {
      assertThat(provisioner.awaitExit()).isZero();
      assertThat(provisioner.log()).doesNotContainIgnoringCase("violation").doesNotContain("it is left as it is");
      return provisioner.log();
    }
  }

  @Test
  void whatIsThereStaysAsItIs() {
    assertThat(provision()).doesNotContain("Created the JetStream");
  }

  @Test
  void subjectThatIsNewInTheSettingsReachesTheStream() {
    try (App provisioner = App.taskLeet(nats.url(), App.with(PROVISIONER, // given twice, Spring puts both together
        "--messaging.durable.subscriptions=jobs.new", "--messaging.durable.ack-wait=31s"))) {
      assertThat(provisioner.awaitExit()).isZero();
      assertThat(provisioner.log()).contains("Enlarged the JetStream stream JOBS_task-leet",
          "Enlarged the JetStream consumer task-leet").doesNotContainIgnoringCase("violation");
    }
  }

  @Test
  void initStepThatNoRetryMendsEndsWithOneAndSaysWhy() {
    Map<String[], String> reasons = Map.of(
        App.with(PROVISIONER, "--messaging.consumer-group=other"), "does not let messages be sent to $JS.API.STREAM.INFO",
        App.with(PROVISIONER, "--messaging.durable.max-bytes=5TB"), "messaging.durable.max-bytes is more than the server",
        App.with(PROVISIONER, "--messaging.durable.replicas=3"), "num_replicas 1 where the settings say 3");
    reasons.entrySet().parallelStream().forEach(expected -> {
      try (App provisioner = App.taskLeet(nats.url(), expected.getKey())) {
        assertThat(provisioner.awaitExit()).isEqualTo(1);
        assertThat(provisioner.log()).contains("What durable tasks are kept in is not as the settings say",
            expected.getValue())
            .doesNotContain("\tat ");
      }
    });
  }

  @Test
  void packagedAppsWorkTogether() throws IOException {
    try (App worker = App.taskLeet(nats.url(), TASK_LEET).awaitReady();
        App httpApi = App.httpApi(nats.url(), HTTP_API).awaitReady()) {
      for (String name : List.of("task-leet", "another.worker")) {
        assertThat(httpApi.post("{\"worker\": \"" + name + "\", \"payload\": \"Hello World\"}").body())
            .isEqualTo("H3110 W0r1d");
      }
      assertThat(httpApi.post("{\"payload\": \"Hello World\"}").body()).isEqualTo("H3110 W0r1d");
      HttpResponse<String> accepted = httpApi.post("{\"payload\": \"Hello World\"}", "Prefer", "respond-async");
      assertThat(accepted.statusCode()).isEqualTo(202);
      String task = accepted.headers().firstValue("Location").orElseThrow();
      Awaitility.await().atMost(PATIENCE)
          .until(() -> httpApi.get(task + "/result").body().equals("H3110 W0r1d"));
      assertThat(httpApi.post("{\"payload\": \"Hello World\"}", "Prefer", "respond-async, wait=5").body())
          .isEqualTo("H3110 W0r1d");
      for (int i = 0; i < 2; i++) {
        assertThat(httpApi.post("{\"payload\": \"x\"}", "Prefer", "respond-async", "Idempotency-Key", "a").statusCode())
            .isEqualTo(202);
      }
      assertThat(httpApi.get("/task/no-task-has-this-id-here").statusCode()).isEqualTo(404);
      assertThat(worker.metric("messaging_durable_backlog")).isZero();
      assertThat(worker.log() + httpApi.log()).doesNotContainIgnoringCase("violation");
    }
  }

  @Test
  void streamsPassBetweenThem() throws IOException {
    try (App worker = App.of(StreamWorker.class, nats.url(),
            App.with(LEET_LOGIN, "--messaging.consumer-group=task-leet", "--messaging.nats.inbox-prefix=_INBOX_task_leet",
                "--messaging.listeners.ticks.subscriptions=tasks.>", "--messaging.discovery.enabled=false"));
        App httpApi = App.httpApi(nats.url(), HTTP_API).awaitReady()) {
      worker.awaitReady();
      assertThat(httpApi.post("{\"payload\": \"500 0\"}", "Accept", "text/event-stream").body())
          .startsWith("data: 1\n\ndata: 2\n").endsWith("data: 500\n\nevent: end\ndata: {\"parts\":500}\n\n");
      assertThat(worker.log() + httpApi.log()).doesNotContainIgnoringCase("violation");
    }
  }

  @Test
  void operatorFindsRetriesAndDeletesDeadLetters() throws Exception {
    String id = "A".repeat(22);
    try (App worker = App.taskLeet(nats.url(), TASK_LEET).awaitReady();
        App httpApi = App.httpApi(nats.url(), OPERATED).awaitReady();
        Client client = new Client(nats, "http-api", "1234")) {
      client.connection.publish("jobs.task-leet", "no task of anybody".getBytes(UTF_8));
      client.connection.publish("jobs.task-leet", new Headers().add("Task-Id", id), "Hello World".getBytes(UTF_8));
      Awaitility.await().atMost(PATIENCE).until(() -> httpApi.management("/actuator/tasks/dead?group=task-leet").body(),
          body -> body.contains("\"expired\"") && body.contains("\"no Task-Id\""));
      assertThat(httpApi.management("/actuator/tasks").body()).contains("\"group\":\"task-leet\"", "\"total\":2")
          .doesNotContain("problem");

      assertThat(httpApi.operate("/actuator/tasks/dead/retry", "{\"reason\": \"expired\", \"upTo\": 99, \"dryRun\": false}").body())
          .contains("\"putBack\":1");
      Awaitility.await().atMost(PATIENCE).until(() -> httpApi.get("/task/" + id + "/result").body().equals("H3110 W0r1d"));
      assertThat(httpApi.management("/actuator/tasks/" + id).body()).contains("\"succeeded\"", "\"runner\"");
      assertThat(httpApi.operate("/actuator/tasks/dead/delete", "{\"upTo\": 99, \"dryRun\": false}").body())
          .contains("\"deleted\":1");
      assertThat(httpApi.management("/tasks").body()).contains("<html");
      assertThat(worker.log() + httpApi.log()).doesNotContainIgnoringCase("violation");
    }
  }

  @Test
  void operatorOfAnAppWithoutTheRightsReadsWhichIsMissing() throws Exception {
    try (App httpApi = App.httpApi(nats.url(), App.with(LEET_LOGIN, "--messaging.nats.inbox-prefix=_INBOX_task_leet",
        "--task.durable.enabled=true", "--messaging.durable.provision=false",
        "--management.endpoint.tasks.access=unrestricted")).awaitReady()) {
      assertThat(httpApi.management("/actuator/tasks").body()).contains("$JS.API.STREAM.NAMES", "$JS.API.STREAM.INFO.KV_TASKS",
          "$JS.API.STREAM.INFO.JOBS_DEAD");
      HttpResponse<String> letters = httpApi.management("/actuator/tasks/dead");
      assertThat(letters.statusCode()).isEqualTo(503);
      assertThat(letters.body()).contains("$JS.API.CONSUMER.CREATE.JOBS_DEAD");
    }
  }

  @Test
  void refusalsShowInTheAppsLogAndHealth() throws IOException {
    try (App worker = App.taskLeet(nats.url(), App.with(LEET_LOGIN, "--messaging.consumer-group=spies"));
        App httpApi = App.httpApi(nats.url(), LEET_LOGIN)) {
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
        new String[] {"provisioner", "1234"}, new String[] {"admin", "1234"}).parallel().forEach(login ->
            assertThatExceptionOfType(AuthenticationException.class).isThrownBy(() -> new Client(nats, login)));
  }

  @Test
  void httpApiMayOnlySendTasksAndHearItsOwnReplies() throws Exception {
    try (Client client = new Client(nats, "http-api", "1234")) {
      for (String subject : List.of("tasks.>", "tasks.default", "_INBOX.>", "_INBOX.x", "_INBOX_http_api", "$SRV.>",
          "$SYS.>", ">", "*", "jobs.>", "jobs.task-leet", "jobs-dead.>", "stream-control.>", "$KV.>", "$KV.OTHER.*", "$KV.TASKS.*.*",
          "$JS.>")) {
        client.subscribe(subject, null).isRefused("Subscription to \"" + subject + "\"");
      }
      for (String subject : List.of("tasks", "task.x", "_INBOX_http_api.x", "_INBOX.x", "stream-replies.x", "$SRV.PING",
          "$SYS.REQ.SERVER.PING", "$KV.TASKS.x.r1", "jobs-dead.task-leet", "$JS.API.CONSUMER.CREATE.JOBS_task-leet",
          "$JS.API.STREAM.MSG.DELETE.KV_TASKS", "$JS.API.CONSUMER.INFO.JOBS_other.other",
          "$JS.API.STREAM.CREATE.KV_TASKS", "$JS.API.STREAM.UPDATE.KV_TASKS",
          "$JS.API.CONSUMER.MSG.NEXT.JOBS_task-leet.task-leet",
          "$JS.ACK.JOBS_task-leet.task-leet.1.1.1.1.0")) {
        client.publish(subject).isRefused("Publish to \"" + subject + "\"");
      }
      client.areRefused(JET_STREAM);
      client.publish("$JS.API.STREAM.MSG.GET.JOBS_task-leet").isAllowed();
      client.subscribe("tasks.default", "task-leet").isRefused("Subscription to \"tasks.default\"");
      client.subscribe("_INBOX_http_api.mine.>", null).isAllowed();
      client.subscribe("$KV.TASKS.*", null).isAllowed();
      client.subscribe("stream-replies.mine.*", null).isAllowed();
      client.publish("stream-control.task-leet.its.1").isAllowed();
      client.publish("tasks.default").isAllowed();
      client.publish("jobs.nobody").isAllowed();
    }
  }

  @Test
  void taskLeetMayOnlyTakeTasksInItsGroupAndReplyOnce() throws Exception {
    try (Client requester = new Client(nats, "http-api", "1234");
        Client client = new Client(nats, "task-leet", "leet # 1e3")) {
      client.subscribe("tasks.>", null).isRefused("Subscription to \"tasks.>\"");
      client.subscribe("tasks.default", null).isRefused("Subscription to \"tasks.default\"");
      client.subscribe("tasks.>", "spies").isRefused("Subscription to \"tasks.>\" using queue \"spies\"");
      for (String subject : List.of(">", "*.default", "_INBOX_http_api.>", "_INBOX.>", "$SYS.>", "$JS.API.>", "jobs.>",
          "jobs.task-leet", "jobs-dead.>", "stream-replies.>", "stream-control.>", "stream-control.other.>", "$KV.TASKS.>",
          "$KV.TASKS.*")) {
        client.subscribe(subject, null).isRefused("Subscription to \"" + subject + "\"");
        client.subscribe(subject, "task-leet").isRefused("Subscription to \"" + subject + "\"");
      }
      for (String subject : List.of("tasks.default", "_INBOX_http_api.x", "_INBOX.x", "$SRV.PING", "jobs.task-leet",
          "stream-control.task-leet.its.1",
          "$JS.API.STREAM.INFO.KV_TASKS", "$JS.API.STREAM.CREATE.JOBS_task-leet", "$JS.API.STREAM.UPDATE.JOBS_task-leet",
          "$JS.API.CONSUMER.DURABLE.CREATE.JOBS_task-leet.task-leet", "$JS.API.STREAM.MSG.GET.JOBS_DEAD",
          "$JS.API.STREAM.MSG.GET.JOBS_task-leet")) {
        client.publish(subject).isRefused("Publish to \"" + subject + "\"");
      }
      client.areRefused(JET_STREAM);
      client.subscribe("tasks.default", "task-leet").isAllowed();
      client.subscribe("stream-control.task-leet.mine.*", null).isAllowed();
      client.publish("stream-replies.its.1").isAllowed();
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
  void provisionerMayOnlyCreateAndEnlarge() throws Exception {
    try (Client client = new Client(nats, "provisioner", "init")) {
      for (String subject : List.of(">", "tasks.>", "jobs.>", "jobs-dead.>", "$KV.TASKS.>", "$JS.>", "_INBOX.>",
          "_INBOX_http_api.>", "$SRV.>")) {
        client.subscribe(subject, null).isRefused("Subscription to \"" + subject + "\"");
      }
      for (String subject : List.of("tasks.default", "jobs.task-leet", "jobs-dead.task-leet", "$KV.TASKS.x",
          "_INBOX_http_api.x", "$SRV.PING", "$JS.API.STREAM.MSG.GET.KV_TASKS", "$JS.API.DIRECT.GET.KV_TASKS.$KV.TASKS.x",
          "$JS.API.STREAM.MSG.GET.JOBS_task-leet", "$JS.API.CONSUMER.MSG.NEXT.JOBS_task-leet.task-leet", "$JS.ACK.JOBS_task-leet.task-leet.1.1.1.1.0")) {
        client.publish(subject).isRefused("Publish to \"" + subject + "\"");
      }
      client.areRefused(JET_STREAM);
    }
  }

  @Test
  void operatorSeesTheWorkersAndWhatWaitsAndNothingElse() throws Exception {
    try (App worker = App.taskLeet(nats.url(), TASK_LEET).awaitReady();
        Client operator = new Client(nats, "operator", "operator")) {
      var discovery = new Discovery(operator.connection, 1000, 1);
      discovery.setInboxSupplier(() -> "_INBOX_operator." + NUID.nextGlobal());
      assertThat(discovery.ping()).extracting(PingResponse::getName).containsExactly("task-leet");
      assertThat(discovery.info("task-leet")).isNotEmpty();
      assertThat(discovery.stats("task-leet")).isNotEmpty();
      assertThat(operator.ask("STREAM.INFO.JOBS_task-leet", "")).contains("\"messages\":0");
      assertThat(operator.ask("CONSUMER.INFO.JOBS_task-leet.task-leet", "")).contains("\"num_pending\":0");
      assertThat(operator.ask("STREAM.LIST", "")).contains("KV_TASKS");
      operator.isAllowed();
      assertThat(worker.log()).doesNotContainIgnoringCase("violation");

      for (String subject : List.of(">", "tasks.>", "$SRV.>", "_INBOX.>", "_INBOX_http_api.>", "_INBOX_operator",
          "$SYS.>", "jobs.>", "jobs-dead.>", "$KV.TASKS.>")) {
        operator.subscribe(subject, null).isRefused("Subscription to \"" + subject + "\"");
      }
      operator.subscribe("tasks.>", "task-leet").isRefused("Subscription to \"tasks.>\"");
      for (String subject : List.of("tasks.default", "_INBOX_http_api.x", "_INBOX_operator.x", "$SYS.REQ.SERVER.PING",
          "$JS.API.STREAM.UPDATE.KV_TASKS", "$KV.TASKS.x", "$JS.API.STREAM.MSG.GET.KV_TASKS",
          "$JS.API.DIRECT.GET.KV_TASKS.$KV.TASKS.x",
          "$JS.API.STREAM.MSG.GET.JOBS_task-leet", "$JS.API.STREAM.MSG.GET.JOBS_DEAD", "$JS.API.STREAM.MSG.DELETE.JOBS_DEAD",
          "jobs.task-leet", "jobs-dead.task-leet")) {
        operator.publish(subject).isRefused("Publish to \"" + subject + "\"");
      }
      operator.areRefused(JET_STREAM);
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
        options.userInfo(login[0], login[1]).inboxPrefix("_INBOX_" + login[0].replace('-', '_'));
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

    /** Asks JetStream, and returns the answer's JSON. */
    String ask(String operation, String request) throws Exception {
      Message answer = connection.request("$JS.API." + operation, request.getBytes(UTF_8), PATIENCE);
      return new String(answer.getData(), UTF_8);
    }

    void areRefused(List<String> subjects) throws Exception {
      for (String subject : subjects) {
        publish(subject).isRefused("Publish to \"" + subject + "\"");
      }
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
