package dev.workloads.httpapi;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
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

  /** A connection on which a request waits, and of the next one only a part has been sent. */
  private record Pipelined(Connection connection, Waiting waiting, String rest, String answer) {}

  @Test
  void nextRequestEndsNoWaitAndIsAnsweredNext() throws IOException {
    String next = "GET /x HTTP/1.1\r\nHost: test\r\n\r\n";
    String large = HttpApi.taskRequest(HttpApi.json(worker, "y".repeat(20_000)));
    List<Pipelined> clients = new ArrayList<>();
    HttpApi several = HttpApi.keepingTasksIn(StoreKind.IN_PROCESS, "task.max-in-flight=10");
    try {
      several.echo(worker);
      several.queue(worker);
      for (Waiting waiting : Waiting.values()) {
        for (int sentAtOnce : List.of(0, 1, 31)) {
          String request = request(several, waiting, 5) + next.substring(0, sentAtOnce);
          clients.add(new Pipelined(several.connect().send(request), waiting, next.substring(sentAtOnce),
              "Not found\n"));
        }
      }
      clients.add(new Pipelined(several.connect().send(request(several, Waiting.SUBMISSION, 5) + large), Waiting.SUBMISSION, "",
          "y".repeat(20_000)));
      several.awaitNoPlace(worker);
      long start = System.nanoTime();
      for (Pipelined client : clients) {
        client.connection().send(client.rest().substring(0, Math.min(1, client.rest().length())));
      }
      for (Pipelined client : clients) {
        assertThat(client.connection().answer().member("state")).as("%s", client.waiting()).isEqualTo("queued");
        assertThat(Duration.ofNanos(System.nanoTime() - start)).isGreaterThan(Duration.ofMillis(1500));
        client.connection().send(client.rest().substring(Math.min(1, client.rest().length())));
        assertThat(client.connection().answer().text()).as("%s", client.waiting()).isEqualTo(client.answer());
      }
    } finally {
      several.stopWorkers();
      for (Pipelined client : clients) {
        client.connection().close();
      }
    }
  }

  private String request(Waiting waiting) throws IOException {
    return request(api, waiting, 25);
  }

  private String request(HttpApi server, Waiting waiting, int seconds) throws IOException {
    String prefer = "Prefer: respond-async, wait=" + seconds;
    String json = HttpApi.json(worker, "x");
    return switch (waiting) {
      case STATUS -> "GET " + server.path(worker, "x") + " HTTP/1.1\r\nHost: test\r\n" + HttpApi.lines(prefer) + "\r\n";
      case SUBMISSION -> HttpApi.taskRequest(json, prefer);
      case CHUNKED_SUBMISSION -> "POST /task HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n" + HttpApi.lines(prefer)
          + "\r\n" + Integer.toHexString(json.length()) + "\r\n" + json + "\r\n0\r\n\r\n";
    };
  }

  private boolean isPlaceTaken() throws IOException {
    return api.task(worker, "x").status() == 503;
  }
}
