package dev.workloads.httpapi;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.time.Duration;
import java.util.UUID;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;

/** A client that goes, or seems to, while it waits for a durable task in the one place there is. */
class GoneClientTests {

  /** How a request waits: a body of known length is read otherwise than chunks, and there may be none. */
  enum Waiting { STATUS, SUBMISSION, CHUNKED_SUBMISSION }

  @RegisterExtension
  static final HttpApi api = HttpApi.keepingTasksIn(StoreKind.IN_PROCESS, "task.max-in-flight=1");

  private final String worker = "w-" + UUID.randomUUID();

  @BeforeEach
  void startWorker() {
    api.echo(worker);
    api.queue(worker);
    Awaitility.await().atMost(Duration.ofSeconds(30)).until(() -> !isPlaceTaken()); // by a test that has failed
  }

  @ParameterizedTest
  @CsvSource({"STATUS, true", "STATUS, false", "SUBMISSION, true", "SUBMISSION, false", "CHUNKED_SUBMISSION, false"})
  void placeOfAClientThatHasGoneIsFree(Waiting waiting, boolean reset) throws IOException {
    try (Connection connection = api.connect().send(request(waiting))) {
      api.awaitNoPlace(worker);
      if (reset) {
        connection.reset();
      }
    }
    Awaitility.await().atMost(Duration.ofSeconds(5)).until(() -> !isPlaceTaken());
  }

  @ParameterizedTest
  @EnumSource
  void clientThatHasOnlyEndedItsOutputIsTold(Waiting waiting) throws IOException {
    try (Connection connection = api.connect().send(request(waiting))) {
      api.awaitNoPlace(worker);
      long start = System.nanoTime();

      Answer answer = connection.endOutput().answer();

      assertThat(Duration.ofNanos(System.nanoTime() - start)).isLessThan(Duration.ofSeconds(5));
      assertThat(answer.status()).isEqualTo(waiting == Waiting.STATUS ? 200 : 202);
      assertThat(answer.member("state")).isEqualTo("queued");
    }
  }

  @ParameterizedTest
  @CsvSource({"STATUS, 0", "STATUS, 1", "STATUS, 31", "SUBMISSION, 0", "SUBMISSION, 1", "SUBMISSION, 31",
      "CHUNKED_SUBMISSION, 0", "CHUNKED_SUBMISSION, 1", "CHUNKED_SUBMISSION, 31"})
  void nextRequestEndsNoWaitAndIsAnsweredNext(Waiting waiting, int sentAtOnce) throws IOException {
    String next = "GET /x HTTP/1.1\r\nHost: test\r\n\r\n";
    try (Connection connection = api.connect().send(request(waiting, 3) + next.substring(0, sentAtOnce))) {
      api.awaitNoPlace(worker);
      long start = System.nanoTime();
      connection.send(next.substring(sentAtOnce, Math.max(sentAtOnce, 1)));

      assertThat(connection.answer().member("state")).isEqualTo("queued");
      assertThat(Duration.ofNanos(System.nanoTime() - start)).isGreaterThan(Duration.ofMillis(1500));
      assertThat(connection.send(next.substring(Math.max(sentAtOnce, 1))).answer().text()).isEqualTo("Not found\n");
    }
  }

  @Test
  void largeNextRequestIsAnsweredNext() throws IOException {
    String json = HttpApi.json(worker, "y".repeat(20_000));
    try (Connection connection = api.connect().send(request(Waiting.SUBMISSION, 3) + HttpApi.taskRequest(json))) {
      assertThat(connection.answer().status()).isEqualTo(202);
      assertThat(connection.answer().text()).isEqualTo("y".repeat(20_000));
    }
  }

  private String request(Waiting waiting) throws IOException {
    return request(waiting, 25);
  }

  private String request(Waiting waiting, int seconds) throws IOException {
    String prefer = "Prefer: respond-async, wait=" + seconds;
    String json = HttpApi.json(worker, "x");
    return switch (waiting) {
      case STATUS -> "GET " + api.path(worker, "x") + " HTTP/1.1\r\nHost: test\r\n" + HttpApi.lines(prefer) + "\r\n";
      case SUBMISSION -> HttpApi.taskRequest(json, prefer);
      case CHUNKED_SUBMISSION -> "POST /task HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n" + HttpApi.lines(prefer)
          + "\r\n" + Integer.toHexString(json.length()) + "\r\n" + json + "\r\n0\r\n\r\n";
    };
  }

  private boolean isPlaceTaken() throws IOException {
    return api.task(worker, "x").status() == 503;
  }
}
