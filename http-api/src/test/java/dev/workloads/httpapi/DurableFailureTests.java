package dev.workloads.httpapi;

import static org.assertj.core.api.Assertions.assertThat;

import dev.workloads.messaging.BrokerException;
import dev.workloads.messaging.BrokerException.Reason;
import dev.workloads.messaging.test.NatsServer;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.Stream;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Durable tasks where the broker fails: in memory, step by step, and a real nats-server, as a whole. */
class DurableFailureTests {

  private static final String JSON = "Accept: application/problem+json";
  private static final String WAIT = "Prefer: wait=20";
  private static final Duration TIMEOUT = Duration.ofSeconds(1);

  private static final BrokenStore store = new BrokenStore();
  @TempDir
  private static Path directory;
  @AutoClose
  private static NatsServer nats;
  private static HttpApi broken;
  private static HttpApi api;

  private final String worker = "w-" + UUID.randomUUID();

  @BeforeAll
  static void start() {
    broken = HttpApi.keepingTasksIn(store, "messaging.request.retry-window=0", "task.request-timeout=1s");
    nats = NatsServer.start("-js", "-sd", directory.toString());
    api = HttpApi.over(null, "messaging.nats.servers=" + nats.url(), "task.durable.enabled=true",
        "task.request-timeout=1s", "task.max-in-flight=1");
  }

  @AfterAll
  static void stop() {
    List.of(broken, api).forEach(each -> {
      each.stopWorkers();
      each.context().close();
    });
  }

  @BeforeEach
  void mend() {
    store.fail(null, null, null);
  }

  @ParameterizedTest
  @CsvSource({"TIMEOUT, timeout", "BROKER_UNAVAILABLE, broker-unavailable"})
  void storeThatCannotBeReadIsTold(Reason failure, String reason) throws IOException {
    broken.queue(worker);
    String path = broken.path(worker, "x");
    store.fail(new BrokerException(failure, "why"), null, null);

    assertProblem(broken.get(path, JSON), reason, "why");
    assertProblem(broken.get(path, JSON, WAIT), reason, "why");
    assertProblem(broken.get(path + "/result", JSON), reason, "why");
    assertProblem(broken.send("DELETE", path, JSON), reason, "why");
  }

  @ParameterizedTest
  @CsvSource({"TIMEOUT, timeout", "BROKER_UNAVAILABLE, broker-unavailable"})
  void storeThatTakesNothingIsTold(Reason failure, String reason) throws IOException {
    broken.queue(worker);
    BrokerException why = new BrokerException(failure, "why");
    store.fail(null, why, null);
    assertProblem(broken.submit(worker, "x"), reason, "why");
    store.fail(null, null, why);
    assertProblem(broken.submit(worker, "x"), reason, "why");
    assertProblem(broken.submit(worker, "x", "Idempotency-Key: " + worker), reason, "why");
    store.fail(null, null, null);
    assertThat(broken.submit(worker, "x", "Idempotency-Key: " + worker).status()).isEqualTo(202);
  }

  @Test
  void taskThatIsAcceptedIsToldAlthoughTheBrokerIsGoneWhileTheClientWaits() throws IOException {
    broken.queue(worker);
    store.fail(new BrokerException(Reason.TIMEOUT, "why"), null, null);

    assertThat(broken.submit(worker, "x", WAIT).status()).isEqualTo(202);
  }

  @Test
  void allStepsOfARequestShareItsTimeout() throws IOException {
    broken.durableWorker(worker, message -> message.reply("done"));
    String finished = broken.path(worker, "x");
    broken.get(finished, WAIT);
    broken.queue(worker + "2");
    store.timeouts();

    String path = "/task/" + broken.submit(worker + "2", "x", "Idempotency-Key: " + worker).member("id");
    assertShared(store.timeouts(), 2);
    broken.submit(worker + "2", "x", "Idempotency-Key: " + worker);
    assertShared(store.timeouts(), 5); // it finds the entry, rewrites it, and finds its job
    broken.send("DELETE", path);
    assertShared(store.timeouts(), 2);
    broken.get(finished + "/result");
    assertShared(store.timeouts(), 2);
  }

  private static void assertShared(List<Duration> timeouts, int steps) {
    assertThat(timeouts).hasSize(steps).isSortedAccordingTo(Comparator.reverseOrder()).doesNotHaveDuplicates()
        .allMatch(timeout -> timeout.compareTo(TIMEOUT) <= 0);
  }

  @Test
  void silenceOfTheBrokerIsTold() throws IOException {
    String key = "Idempotency-Key: " + worker;
    api.queue(worker);
    String path = api.path(worker, "x");
    nats.suspend();
    try {
      for (Answer answer : answers(submission("y", key), request("GET", path), request("GET", path + "/result"),
          request("DELETE", path))) {
        assertProblem(answer, "timeout", "no reply within ");
        assertThat(answer.detail()).matches(".* (1000|\\d{1,3}) ms"); // what was left of the second
      }
    } finally {
      nats.resume();
    }

    AtomicInteger runs = new AtomicInteger();
    api.durableWorker(worker, message -> message.reply(message.text() + runs.incrementAndGet()));
    assertThat(api.get(path, WAIT).member("state")).isEqualTo("succeeded");
    assertThat(api.submit(worker, "y", key, WAIT).text()).isEqualTo("y2");
    assertThat(api.submit(worker, "y", key, WAIT).text()).isEqualTo("y2");
  }

  @Test
  void submissionsThatWaitForTheBrokerAreNoMoreThanThePermits() throws IOException {
    api.queue(worker);
    nats.suspend();
    try {
      assertThat(answers(submission("1"), submission("2"), submission("3"))).extracting(Answer::reason)
          .containsExactlyInAnyOrder("timeout", "timeout", "overloaded"); // one of the two permits is for submissions alone
    } finally {
      nats.resume();
    }
  }

  private String submission(String payload, String... headers) {
    return HttpApi.taskRequest(HttpApi.json(worker, payload),
        Stream.concat(Stream.of(JSON, "Prefer: respond-async"), Stream.of(headers)).toArray(String[]::new));
  }

  private static String request(String method, String path) {
    return method + " " + path + " HTTP/1.1\r\nHost: test\r\n" + JSON + "\r\n\r\n";
  }

  /** Sends all requests at once. */
  private static List<Answer> answers(String... requests) throws IOException {
    List<Connection> connections = new ArrayList<>();
    for (String request : requests) {
      connections.add(api.connect().send(request));
    }
    List<Answer> answers = new ArrayList<>();
    for (Connection each : connections) {
      answers.add(each.answer());
      each.close();
    }
    return answers;
  }

  @Test
  void lossOfTheBrokerIsTold() throws IOException {
    String detail = "not connected to the message broker";
    api.queue(worker);
    String path = api.path(worker, "x");
    nats.kill();
    try {
      Awaitility.await().until(() -> api.get(path, JSON).reason().equals("broker-unavailable"));

      assertProblem(api.submit(worker, "x"), "broker-unavailable", detail);
      assertProblem(api.get(path, JSON), "broker-unavailable", detail);
      assertProblem(api.get(path, JSON, WAIT), "broker-unavailable", detail);
      assertProblem(api.get(path + "/result", JSON), "broker-unavailable", detail);
      assertProblem(api.send("DELETE", path, JSON), "broker-unavailable", detail);
    } finally {
      nats.startAgain();
    }
    Awaitility.await().until(() -> api.get(path).status() == 200);
    api.durableWorker(worker, message -> message.reply("done"));
    assertThat(api.get(path, WAIT).member("state")).isEqualTo("succeeded");
  }

  @Test
  void bucketThatIsNotThereIsTold(@TempDir Path empty) throws IOException {
    String path = "/task/AAAAAAAAAAAAAAAAAAAAAA";
    try (NatsServer bare = NatsServer.start("-js", "-sd", empty.toString())) {
      HttpApi unprepared = HttpApi.over(null, "messaging.nats.servers=" + bare.url(), "task.durable.enabled=true",
          "messaging.durable.provision=false", "task.request-timeout=1s");
      try {
        Awaitility.await().until(() -> unprepared.submit(worker, "x").detail().startsWith("the bucket")); // once connected

        assertProblem(unprepared.submit(worker, "x"), "broker-unavailable", "the bucket TASKS is not there");
        assertProblem(unprepared.send("DELETE", path, JSON), "broker-unavailable", "the bucket TASKS is not there");
        for (String read : List.of(path, path + "/result")) {
          assertProblem(unprepared.get(read, JSON), "broker-unavailable", "the bucket TASKS is not there");
        }
      } finally {
        unprepared.context().close();
      }
    }
  }

  private static void assertProblem(Answer answer, String reason, String detail) {
    assertThat(answer.status()).isEqualTo(502);
    assertThat(answer.header("Content-Type")).isEqualTo("application/problem+json");
    assertThat(answer.reason()).isEqualTo(reason);
    assertThat(answer.detail()).startsWith(detail);
  }
}
