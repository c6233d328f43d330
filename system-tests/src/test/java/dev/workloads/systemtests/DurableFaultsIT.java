package dev.workloads.systemtests;

import static org.assertj.core.api.Assertions.assertThat;

import dev.workloads.messaging.BrokerException;
import dev.workloads.messaging.durable.DurableTasks;
import dev.workloads.messaging.durable.TaskResult;
import dev.workloads.messaging.durable.TaskState;
import dev.workloads.messaging.durable.TaskStatus;
import dev.workloads.messaging.durable.jetstream.JetStreamStore;
import dev.workloads.messaging.nats.NatsTransport;
import dev.workloads.messaging.test.NatsServer;
import io.nats.client.Connection;
import io.nats.client.JetStreamSubscription;
import io.nats.client.Message;
import io.nats.client.Nats;
import io.nats.client.Options;
import io.nats.client.impl.Headers;
import io.nats.client.impl.NatsMessage;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.awaitility.Awaitility;
import org.awaitility.core.ConditionFactory;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Durable tasks whose workers, broker or HTTP API die, freeze or are restarted: each that was accepted is accounted for. */
@Tag("alone")
@Timeout(900)
class DurableFaultsIT {

  private static final int TASKS = Bounds.FULL ? 2000 : 200;
  private static final int SLOTS = 8;
  private static final int WORK_MILLIS = 200;
  private static final int MAX_ATTEMPTS = Bounds.FULL ? 3 : 2; // of the worker whose tasks fail
  private static final List<Duration> PAUSES = List.of(Duration.ofMillis(500), Duration.ofMillis(1500));
  private static final Duration RETENTION = Duration.ofHours(24);
  private static final Duration TIMEOUT = Duration.ofSeconds(5);

  @TempDir
  private static Path directory;
  private static Path runs;
  private static NatsServer nats;
  private static NatsTransport transport;
  private static DurableTasks tasks;
  private static Map<WorkerKind, List<App>> workers;
  private static App httpApi;

  @BeforeAll
  static void start() {
    runs = directory.resolve("runs");
    nats = NatsServer.start("-js", "-sd", directory.resolve("store").toString());
    transport = NatsTransport.open(Options.builder().server(nats.url()).build(), Duration.ofSeconds(5),
        Duration.ofMillis(100));
    tasks = client(transport);
    workers = Arrays.stream(WorkerKind.values()).collect(Collectors.toMap(kind -> kind,
        kind -> Stream.generate(() -> worker(kind, nats.url())).limit(3).toList()));
    httpApi = httpApi(nats.url());
    allWorkers().forEach(App::awaitReady);
    httpApi.awaitReady();
    awaitTakesTasks(nats.url(), "test-worker");
    awaitTakesTasks(nats.url(), "task-leet");
  }

  private static Stream<App> allWorkers() {
    return workers.values().stream().flatMap(List::stream);
  }

  @AfterAll
  static void stop() {
    allWorkers().forEach(App::close);
    httpApi.close();
    tasks.close();
    transport.close();
    nats.close();
  }

  private static DurableTasks client(NatsTransport transport) {
    return new DurableTasks(new JetStreamStore(transport, "TASKS", RETENTION, "_INBOX", null), Duration.ZERO,
        UnaryOperator.identity());
  }

  private static App worker(WorkerKind kind, String natsUrl, String... settings) {
    return kind.start(natsUrl, App.with(settings, "--messaging.durable.subscriptions=jobs." + kind.jobs(),
        "--messaging.durable.ack-wait=2s", "--messaging.durable.max-attempts=50",
        "--messaging.durable.max-in-flight=" + SLOTS, "--worker.delay=" + WORK_MILLIS, "--worker.runs=" + runs));
  }

  private static App httpApi(String natsUrl, String... settings) {
    return App.httpApi(natsUrl, App.with(settings, "--task.durable.enabled=true"));
  }

  /** Waits until a worker has created what it needs. */
  private static void awaitTakesTasks(String natsUrl, String group) {
    await().ignoreExceptions().until(() -> {
      try (Connection connection = Nats.connect(natsUrl)) {
        return connection.jetStreamManagement().getConsumerInfo("JOBS_" + group, group) != null;
      }
    });
  }

  @ParameterizedTest
  @MethodSource("dev.workloads.systemtests.WorkerKind#tried")
  void killedWorkersLoseNoTask(WorkerKind kind) throws Exception {
    List<App> ofKind = workers.get(kind);
    try (Submissions load = Submissions.start(kind, "worker kill", TASKS, Duration.ofSeconds(1), false, httpApi)) {
      int kills = 0;
      for (int i = 0; kills < (Bounds.FULL ? 20 : 3); i = (i + 1) % ofKind.size()) {
        if (ofKind.get(i).readiness() == 200) {
          ofKind.get(i).kill();
          kills++;
          long killedAt = System.nanoTime();
          ofKind.get(i).startAgain();
          Bounds.awaitElapsed(killedAt, Duration.ofSeconds(1));
        }
      }
      Tally submitted = load.await();
      Outcome outcome = outcome(load, tasks);
      ofKind.forEach(App::awaitReady);
      System.out.printf("%s: a worker of 3 SIGKILLed every second, %d times: submitted: %s; %s%n", kind, kills, submitted,
          outcome);
      submitted.requireOnly();
      outcome.requireRight(TASKS);
    }
  }

  @ParameterizedTest
  @MethodSource("dev.workloads.systemtests.WorkerKind#tried")
  void killedBrokerLosesNoTaskThatItHasAccepted(WorkerKind kind) throws Exception {
    int kills = Bounds.FULL ? 5 : 2;
    try (Submissions load =
        Submissions.start(kind, "broker kill", TASKS, Duration.ofSeconds(3L * kills), false, httpApi)) {
      for (int i = 0; i < kills; i++) {
        int part = TASKS * (i + 1) / (kills + 2);
        await().until(() -> load.tally().count(Tally.RIGHT) + load.tally().failed() > part);
        nats.kill();
        long killedAt = System.nanoTime();
        Bounds.awaitElapsed(killedAt, Duration.ofMillis(500));
        nats.startAgain();
        Bounds.awaitElapsed(killedAt, Duration.ofSeconds(2));
      }
      Tally submitted = load.await();
      Outcome outcome = outcome(load, tasks);
      System.out.printf("%s: nats-server SIGKILLed %d times, 500 ms down: submitted: %s; %s%n", kind, kills, submitted,
          outcome);
      // The last one until the server has found its streams
      submitted.requireOnly("broker-unavailable", "timeout", "no-responders");
      outcome.requireRight(submitted.count(Tally.RIGHT));
    }
  }

  @Test
  void killedHttpApiMakesOneTaskForEachKey() throws Exception {
    int kills = Bounds.FULL ? 5 : 1;
    try (Submissions load =
        Submissions.start(WorkerKind.TEST, "http-api kill", TASKS, Duration.ofSeconds(4L * kills), true, httpApi)) {
      for (int i = 0; i < kills; i++) {
        int part = TASKS * (i + 1) / (kills + 2);
        await().until(() -> load.accepted().size() > part);
        httpApi.kill();
        httpApi.startAgain();
        httpApi.awaitReady();
      }
      Tally submitted = load.await();
      Outcome outcome = outcome(load, tasks);
      System.out.printf("http-api SIGKILLed %d times, clients repeat with their keys: submitted: %s; %s%n", kills, submitted,
          outcome);
      assertThat(submitted.count(Tally.LOST)).isZero();
      outcome.requireRight(TASKS);
      assertThat(Set.copyOf(load.accepted().values())).as("keys with a task").hasSize(TASKS);
      assertThat(outcome.extraRuns()).isZero();
    }
  }

  @Test
  void frozenWorkersResultsAreRefused() throws Exception {
    App frozen = workers.get(WorkerKind.TEST).get(0);
    try (Submissions load = Submissions.start(WorkerKind.TEST, "freeze", 120, Duration.ofMillis(500), false, httpApi)) {
      // Not all of them at their starts: of a start whose answer waits for the thaw no result is refused
      await().pollInterval(Duration.ofMillis(5)).until(() -> frozen.metric("messaging_durable_in_flight") == SLOTS
          && frozen.metric("messaging_durable_result_time_seconds_count") > 0);
      frozen.signal("STOP");
      load.await().requireOnly();
      Outcome outcome = outcome(load, tasks);
      List<TaskStatus> twice = outcome.tasks().stream().filter(task -> task.attempts() == 2).toList();
      frozen.signal("CONT");
      await().ignoreExceptions().until(() -> frozen.metric("messaging_durable_in_flight") == 0);
      long refused = twice.stream().filter(task -> frozen.log().contains(
          "what this attempt did is dropped (task " + task.id() + ",")).count();
      System.out.printf("A worker of 3 frozen past its lease, then thawed: %s; its results refused: %d%n", outcome, refused);
      assertThat(refused).isBetween(1L, (long) SLOTS);
      outcome.requireRight(120);
      for (TaskStatus task : outcome.tasks()) {
        assertThat(tasks.find(task.id(), TIMEOUT)).as("after the thaw").isEqualTo(task);
      }
    } finally {
      frozen.signal("CONT");
    }
  }

  @Test
  @Tag("faults")
  void rollingRestartsFailNothingAndRunNothingTwice() throws Exception {
    List<App> leets = workers.get(WorkerKind.LEET);
    int count = Math.max(TASKS, 1000); // each client asks more often than task.drain-delay, and so hears of the stop
    try (App second = httpApi(nats.url()).awaitReady();
        Submissions load =
            Submissions.start(WorkerKind.LEET, "restart", count, Duration.ofSeconds(40), false, httpApi, second)) {
      List<App> restarted = List.of(leets.get(0), leets.get(1), leets.get(2), httpApi, second);
      for (App app : restarted) {
        app.terminate();
        app.awaitExit();
        app.startAgain();
        app.awaitReady();
      }
      Tally submitted = load.await();
      Outcome outcome = outcome(load, tasks);
      System.out.printf("Rolling restart of %d workers and http-apis: submitted: %s; %s%n", restarted.size(), submitted,
          outcome);
      submitted.requireOnly();
      outcome.requireRight(count);
      assertThat(outcome.extraRuns()).isZero();
      assertThat(outcome.mostAttempts()).isEqualTo(1);
    }
  }

  @Test
  @Tag("faults")
  void killedLeaderLosesNoTaskThatWasAccepted(@TempDir Path stores) throws Exception {
    List<NatsServer> nodes = startCluster(stores);
    String urls = nodes.stream().map(NatsServer::url).collect(Collectors.joining(","));
    NatsTransport cluster = NatsTransport.open(Options.builder().server(urls).build(), Duration.ofSeconds(5),
        Duration.ofMillis(100));
    try (DurableTasks client = client(cluster);
        App worker = worker(WorkerKind.TEST, urls, "--messaging.durable.replicas=3");
        App clustered = httpApi(urls, "--messaging.durable.replicas=3").awaitReady()) {
      worker.awaitReady();
      awaitTakesTasks(nodes.get(0).url(), "test-worker");
      try (Submissions load = Submissions.start(WorkerKind.TEST, "leader kill", 500, Duration.ofSeconds(20), false, clustered)) {
        await().until(() -> load.accepted().size() > 50);
        NatsServer leader = leader(nodes);
        leader.kill();
        long killedAt = System.nanoTime();
        await().ignoreExceptionsInstanceOf(BrokerException.class)
            .until(() -> client.submit("work", new byte[0], null, Duration.ofMillis(500)), Objects::nonNull);
        long millis = (System.nanoTime() - killedAt) / 1_000_000;
        Tally submitted = load.await();
        Outcome outcome = outcome(load, client);
        System.out.printf("The queue's leader of 3 nodes SIGKILLed: first success after %d ms; submitted: %s; %s%n", millis,
            submitted, outcome);
        submitted.requireOnly("broker-unavailable", "timeout", "no-responders");
        outcome.requireRight(submitted.count(Tally.RIGHT));
        assertThat(millis).isLessThan(20_000);
      }
    } finally {
      cluster.close();
      nodes.forEach(NatsServer::close);
    }
  }

  private static List<NatsServer> startCluster(Path stores) throws IOException {
    List<Integer> ports = Stream.generate(App::freePort).limit(3).toList();
    String routes = ports.stream().map(port -> "nats://127.0.0.1:" + port).collect(Collectors.joining(", "));
    List<NatsServer> nodes = new ArrayList<>();
    for (int port : ports) {
      nodes.add(NatsServer.start("-c", Files.writeString(stores.resolve(port + ".conf"), """
          server_name: "node-%1$d"
          jetstream { store_dir: "%2$s/%1$d" }
          cluster { name: test, listen: "127.0.0.1:%1$d", routes: [%3$s] }
          """.formatted(port, stores, routes)).toString()));
    }
    return nodes;
  }

  private static NatsServer leader(List<NatsServer> nodes) throws Exception {
    String name;
    try (Connection connection = Nats.connect(nodes.get(0).url())) {
      name = connection.jetStreamManagement().getStreamInfo("JOBS_test-worker").getClusterInfo().getLeader();
    }
    for (NatsServer node : nodes) {
      try (Connection connection = Nats.connect(node.url())) {
        if (connection.getServerInfo().getServerName().equals(name)) {
          return node;
        }
      }
    }
    throw new IllegalStateException("no node is the leader " + name);
  }

  @Test
  @Tag("faults")
  void manyWaitingTasksCostNoSpeedAndNoMoreMemory(@TempDir Path store) throws Exception {
    int parts = 10;
    int part = 10_000;
    try (NatsServer server = NatsServer.start("-js", "-sd", store.toString());
        App many = WorkerKind.TEST.start(server.url(), "-Xmx64m", "--messaging.durable.subscriptions=jobs.work");
        App submitting = httpApi(server.url(), "-Xmx96m").awaitReady()) {
      many.awaitReady();
      awaitTakesTasks(server.url(), "test-worker");
      many.kill();
      submitMany(submitting, "warm-up", part);
      List<Long> perSecond = new ArrayList<>();
      for (int i = 0; i < parts; i++) {
        perSecond.add(part * 1000L / submitMany(submitting, "part " + i, part));
      }
      long httpApiMemory = residentMegabytes(submitting);
      long begin = System.nanoTime();
      many.startAgain();
      many.awaitReady();
      Awaitility.await().atMost(Duration.ofMinutes(5)).pollInterval(Duration.ofMillis(100))
          .until(() -> many.metric("messaging_durable_result_time_seconds_count") >= part);
      System.out.printf("%d waiting tasks: submissions per second in each tenth %s; http-api (-Xmx96m) %d MiB, worker "
          + "(-Xmx64m) %d MiB; %d done %d s after the worker's start%n", parts * part, perSecond, httpApiMemory,
          residentMegabytes(many), part, (System.nanoTime() - begin) / 1_000_000_000);
      // The best of each half, since others may use the machine
      assertThat(Collections.max(perSecond.subList(parts / 2, parts)))
          .isGreaterThan(Collections.max(perSecond.subList(0, parts / 2)) * 8 / 10);
      assertThat(httpApiMemory).isLessThan(320);
      assertThat(residentMegabytes(many)).isLessThan(256);
      assertThat(submitting.log() + many.log()).doesNotContain("OutOfMemoryError");
    }
  }

  private static long submitMany(App httpApi, String name, int count) throws Exception {
    long begin = System.nanoTime();
    try (Submissions load = Submissions.start(WorkerKind.TEST, name, count, Duration.ZERO, false, httpApi)) {
      load.await().requireOnly();
      return (System.nanoTime() - begin) / 1_000_000;
    }
  }

  private static long residentMegabytes(App app) throws IOException {
    return Files.readAllLines(Path.of("/proc", Long.toString(app.pid()), "status")).stream()
        .filter(line -> line.startsWith("VmRSS:")).mapToLong(line -> Long.parseLong(line.replaceAll("\\D", ""))).sum() / 1024;
  }

  @Test
  void tasksThatFailOrKillTheirWorkerAreDeadLettersInTheEnd() throws Exception {
    try (App broken = App.of(TestWorker.class, nats.url(), "--messaging.consumer-group=broken",
        "--messaging.subscriptions=tasks.broken", "--messaging.durable.subscriptions=jobs.broken",
        "--messaging.durable.ack-wait=1s", "--messaging.durable.max-attempts=" + MAX_ATTEMPTS,
        "--messaging.durable.backoff=500ms,1500ms", "--worker.runs=" + runs).awaitReady()) {
      String thrown = await().ignoreExceptionsInstanceOf(BrokerException.class)
          .until(() -> tasks.submit("broken", "fail as asked".getBytes(StandardCharsets.UTF_8), null, TIMEOUT),
              Objects::nonNull).id();
      TaskStatus failed = awaitFinished(tasks, thrown);
      assertThat(failed.state()).isEqualTo(TaskState.FAILED);
      assertThat(failed.attempts()).isEqualTo(MAX_ATTEMPTS);
      List<Long> begun = runs().get(thrown);
      for (int i = 1; i < begun.size(); i++) {
        assertThat(Duration.ofMillis(begun.get(i) - begun.get(i - 1))).isGreaterThanOrEqualTo(PAUSES.get(i - 1));
      }

      String halted = tasks.submit("broken", "halt".getBytes(StandardCharsets.UTF_8), null, TIMEOUT).id();
      TaskStatus end = await().pollInterval(Duration.ofMillis(100)).until(() -> {
        if (!broken.isAlive()) {
          broken.startAgain();
        }
        return tasks.find(halted, TIMEOUT);
      }, status -> status.state().isFinished());
      assertThat(end.state()).isEqualTo(TaskState.FAILED);
      assertThat(end.attempts()).isEqualTo(MAX_ATTEMPTS);
      assertThat(runs().get(halted)).hasSize(MAX_ATTEMPTS);
      assertThat(Objects.requireNonNull(end.error()).text()).isEqualTo("the worker ended during the attempt");
      assertThat(deadLetters("broken").stream().map(letter -> letter.getHeaders().getFirst("Task-Id")))
          .containsExactly(thrown, halted);

      putBack(deadLetters("broken").get(0));
      TaskStatus again = await().until(() -> tasks.find(thrown, TIMEOUT),
          status -> status.state() == TaskState.FAILED && status.attempts() > MAX_ATTEMPTS);
      System.out.printf("A handler that always throws: %s after %d attempts, runs at %s; put back: %s after %d; one that "
          + "kills its JVM: %s after %d attempts; dead letters: %d%n", failed.state(), failed.attempts(), begun,
          again.state(), again.attempts(), end.state(), end.attempts(), deadLetters("broken").size());
      assertThat(again.attempts()).isEqualTo(2 * MAX_ATTEMPTS);
      await().until(() -> deadLetters("broken").size() == 3);
    }
  }

  private static List<Message> deadLetters(String group) throws Exception {
    List<Message> letters = new ArrayList<>();
    try (Connection connection = Nats.connect(nats.url())) {
      JetStreamSubscription subscription = connection.jetStream().subscribe("jobs-dead." + group);
      for (Message letter = subscription.nextMessage(500); letter != null; letter = subscription.nextMessage(100)) {
        letters.add(letter);
      }
    }
    return letters;
  }

  /** Publishes the dead letter to its former subject, with the headers that name the task and its attempts. */
  private static void putBack(Message letter) throws Exception {
    Headers headers = letter.getHeaders();
    try (Connection connection = Nats.connect(nats.url())) {
      connection.jetStream().publish(NatsMessage.builder().subject(headers.getFirst("Job-Subject")).data(letter.getData())
          .headers(new Headers().add("Task-Id", headers.getFirst("Task-Id"))
              .add("Task-Attempts", headers.getFirst("Task-Attempts"))).build());
    }
  }

  @Test
  void hundredClientsWithOneKeyMakeOneTask() throws Exception {
    int clients = 100;
    ExecutorService threads = Executors.newFixedThreadPool(clients);
    CountDownLatch connected = new CountDownLatch(clients);
    Map<String, Integer> answers = new ConcurrentHashMap<>();
    Set<String> ids = ConcurrentHashMap.newKeySet();
    try {
      for (int i = 0; i < clients; i++) {
        threads.execute(() -> {
          try (HttpConnection connection = new HttpConnection(httpApi.port())) {
            connected.countDown();
            connected.await();
            HttpConnection.Answer answer = connection.post("{\"worker\": \"work\", \"payload\": \"one\"}",
                "Prefer: respond-async", "Idempotency-Key: one of a hundred");
            answers.merge(answer.status() == 202 ? "202" : answer.status() + " " + answer.body(), 1, Integer::sum);
            ids.add(String.valueOf(answer.headers().get("location")));
          } catch (IOException | InterruptedException e) {
            answers.merge(e.toString(), 1, Integer::sum);
          }
        });
      }
      threads.shutdown();
      assertThat(threads.awaitTermination(30, TimeUnit.SECONDS)).isTrue();
    } finally {
      threads.shutdownNow();
    }
    TaskStatus done = awaitFinished(tasks, ids.iterator().next().substring("/task/".length()));
    System.out.printf("%d clients at once with one key: answered %s, tasks: %d, runs: %d%n", clients, answers, ids.size(),
        runs().get(done.id()).size());
    assertThat(answers).containsExactly(Map.entry("202", clients));
    assertThat(ids).hasSize(1);
    assertThat(done.state()).isEqualTo(TaskState.SUCCEEDED);
    assertThat(runs().get(done.id())).hasSize(1);
  }

  /** What has become of the tasks that were accepted. */
  private record Outcome(List<TaskStatus> tasks, Map<String, Integer> runs, long right) {

    int extraRuns() {
      return tasks.stream().mapToInt(task -> runs.getOrDefault(task.id(), 0) - 1).sum();
    }

    int mostAttempts() {
      return tasks.stream().mapToInt(TaskStatus::attempts).max().orElse(0);
    }

    /** Asserts that so many tasks have their right results, and that none was run more often than it says. */
    void requireRight(int expected) {
      assertThat(tasks).hasSize(expected).allSatisfy(task -> {
        assertThat(task.state()).isEqualTo(TaskState.SUCCEEDED);
        assertThat(runs.get(task.id())).isBetween(1, task.attempts());
      });
      assertThat(right).as("right results").isEqualTo(expected);
    }

    @Override
    public String toString() {
      return tasks.size() + " tasks ended, " + right + " with the right result; extra runs " + extraRuns()
          + ", most attempts of one " + mostAttempts();
    }
  }

  private static Outcome outcome(Submissions load, DurableTasks client) throws IOException {
    List<TaskStatus> ended = new ArrayList<>();
    long right = 0;
    for (Map.Entry<String, String> task : load.accepted().entrySet()) {
      TaskStatus status = awaitFinished(client, task.getKey());
      ended.add(status);
      TaskResult result = client.result(status, TIMEOUT);
      right += result != null && new String(result.body(), StandardCharsets.UTF_8).equals(load.answer(task.getValue())) ? 1 : 0;
    }
    // Who writes no file tells by the state alone how often it has begun
    Map<String, Integer> runs = load.kind() == WorkerKind.TEST
        ? runs().entrySet().stream().collect(Collectors.toMap(Map.Entry::getKey, run -> run.getValue().size()))
        : ended.stream().collect(Collectors.toMap(TaskStatus::id, TaskStatus::attempts));
    return new Outcome(ended, runs, right);
  }

  private static TaskStatus awaitFinished(DurableTasks client, String id) {
    return await().ignoreExceptionsInstanceOf(BrokerException.class)
        .until(() -> client.find(id, TIMEOUT), status -> status != null && status.state().isFinished());
  }

  /** Returns when each task was begun, in milliseconds, by its id. */
  private static Map<String, List<Long>> runs() throws IOException {
    Map<String, List<Long>> begun = new HashMap<>();
    for (String line : Files.readAllLines(runs)) {
      String[] run = line.split(" ");
      begun.computeIfAbsent(run[0], id -> new ArrayList<>()).add(Long.parseLong(run[1]));
    }
    return begun;
  }

  private static ConditionFactory await() {
    return Awaitility.await().pollDelay(Duration.ZERO).pollInterval(Duration.ofMillis(20)).atMost(Duration.ofSeconds(120));
  }
}
