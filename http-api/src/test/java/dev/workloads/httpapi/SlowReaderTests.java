package dev.workloads.httpapi;

import static org.assertj.core.api.Assertions.assertThat;

import dev.workloads.messaging.testing.Stopwatch;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.EnumSource;

/** Clients that are slow to take their answers, or do not take them at all. */
@ParameterizedClass
@EnumSource
class SlowReaderTests {

  private static final int LARGE = 900_000;
  private static final int FITTING = 2; // of large ones into 2 MB
  private static final String JSON = "Accept: application/problem+json";
  private static final Duration WRITE_TIMEOUT = Duration.ofSeconds(1);

  @RegisterExtension
  final HttpApi api;

  private final String worker = "w-" + UUID.randomUUID();
  private final List<Connection> silent = new ArrayList<>();

  SlowReaderTests(StoreKind kind) {
    api = HttpApi.keepingTasksIn(kind, "task.max-buffered=2MB",
        "task.write-timeout=" + WRITE_TIMEOUT.toMillis() + "ms");
    api.worker(worker, message -> message.reply("x".repeat(Integer.parseInt(message.text()))));
    api.durableWorker(worker, message -> message.reply("x".repeat(Integer.parseInt(message.text()))));
  }

  @AfterEach
  void disconnect() throws IOException {
    for (Connection connection : silent) {
      connection.close();
    }
  }

  @Test
  void replyThatFindsNoRoomIsLostAndNotSaidToBeUndone() throws IOException {
    holdAllRoom(task(LARGE));

    Answer answer = api.task(worker, String.valueOf(LARGE));

    assertThat(answer.status()).isEqualTo(502);
    assertThat(answer.reason()).isEqualTo("timeout");
    assertThat(answer.detail()).contains("is lost");
    assertOthersAreAnswered();
  }

  @Test
  void taskWhoseReplyMayFindNoRoomIsNotSent() throws IOException {
    holdAllRoom(task(LARGE));

    Answer answer = api.task(worker, "x".repeat(LARGE));

    assertThat(answer.status()).isEqualTo(503);
    assertThat(answer.reason()).isEqualTo("overloaded");
    assertThat(answer.header("Retry-After")).isEqualTo("1");
  }

  @Test
  void resultThatFindsNoRoomIsReadLater() throws IOException {
    String path = api.path(worker, String.valueOf(LARGE));
    api.get(path, "Prefer: wait=20");
    holdAllRoom(get(path + "/result"));

    Answer answer = api.get(path + "/result", JSON);

    assertThat(answer.status()).isEqualTo(503);
    assertThat(answer.reason()).isEqualTo("overloaded");
    assertThat(answer.header("Retry-After")).isEqualTo("1");
    assertThat(api.submit(worker, String.valueOf(LARGE), "Prefer: wait=20").status()).isEqualTo(202);
    assertOthersAreAnswered();
    assertRoomComesBack();
    assertThat(api.get(path + "/result").body()).hasSize(LARGE);
  }

  @Test
  void clientThatTakesNothingIsCutOff() throws IOException {
    long start = System.nanoTime();
    holdAllRoom(task(LARGE).repeat(8));

    assertRoomComesBack();

    assertThat(since(start)).isBetween(WRITE_TIMEOUT, WRITE_TIMEOUT.multipliedBy(4));
    Awaitility.await().until(() -> since(start).compareTo(WRITE_TIMEOUT.multipliedBy(3)) > 0); // for all of them
    for (Connection connection : silent) {
      assertThat(connection.rest().length).isLessThan(LARGE);
    }
  }

  @Test
  void clientThatTakesLittleAtATimeGetsAll() throws Exception {
    try (Connection slow = api.connect()) {
      slow.send(task(LARGE).replace("Host", "Connection: close\r\nHost"));
      long start = System.nanoTime();
      int part = 16_000;
      int taken = 0;
      for (int more = part; more == part; taken += more) { // 300 KB a second: longer in all than a client may take nothing
        long next = start + TimeUnit.MILLISECONDS.toNanos(taken / 300);
        Awaitility.await()
            .until(() -> System.nanoTime() >= next);
        more = slow.take(part).length;
      }
      assertThat(taken).isGreaterThan(LARGE);
      assertThat(since(start)).isGreaterThan(WRITE_TIMEOUT.multipliedBy(2));
    }
  }

  @Test
  void replyLargerThanAllRoomIsLetThroughWhereNothingElseIsThere() throws IOException {
    HttpApi narrow = HttpApi.with("task.max-buffered=64KB");
    narrow.worker(worker, message -> message.reply(new byte[LARGE]));

    for (int i = 0; i < 3; i++) {
      Awaitility.await().untilAsserted(() -> assertThat(narrow.task(worker, "x").body()).hasSize(LARGE));
    }
    narrow.stopWorkers();
  }

  @Test
  void clientsThatDoNotReadSmallAnswersAreCutOff() throws IOException {
    Connection connection = api.connect();
    silent.add(connection);
    byte[] requests = "GET /x HTTP/1.1\r\nHost: test\r\n\r\n".repeat(1000).getBytes(StandardCharsets.US_ASCII);
    Stopwatch watch = Stopwatch.start();

    connection.sendUntilRefused(requests);

    watch.assertBetween(WRITE_TIMEOUT, WRITE_TIMEOUT.multipliedBy(5));
  }

  /** Lets clients that do not read take all the room that there is for large replies. */
  private void holdAllRoom(String request) {
    for (int i = 0; i < FITTING; i++) {
      silent.add(api.slowReader(request));
    }
  }

  private void assertOthersAreAnswered() throws IOException {
    assertThat(api.task(worker, "8000").body()).hasSize(8000);
    String path = api.path(worker, "8000");
    assertThat(api.get(path, "Prefer: wait=20").member("state")).isEqualTo("succeeded");
    assertThat(api.get(path + "/result").body()).hasSize(8000);
    assertThat(api.post(HttpApi.json(worker, "1") + " ".repeat(1_000_000)).text()).isEqualTo("x");
  }

  private void assertRoomComesBack() {
    Awaitility.await().untilAsserted(() ->
        assertThat(api.task(worker, String.valueOf(LARGE)).status()).isEqualTo(200));
  }

  private static Duration since(long start) {
    return Duration.ofNanos(System.nanoTime() - start);
  }

  private String task(int replySize) {
    return HttpApi.taskRequest(HttpApi.json(worker, String.valueOf(replySize)));
  }

  private static String get(String path) {
    return "GET " + path + " HTTP/1.1\r\nHost: test\r\n\r\n";
  }
}
