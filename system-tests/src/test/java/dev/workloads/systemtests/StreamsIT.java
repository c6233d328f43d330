package dev.workloads.systemtests;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIOException;

import dev.workloads.messaging.test.NatsServer;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Streams of replies while processes die: what is not whole never looks whole. */
class StreamsIT {

  private static final String EVENTS = "text/event-stream";
  private static final String LINES = "application/x-ndjson";

  private NatsServer nats;
  private App worker;
  private App httpApi;

  @BeforeEach
  void start() {
    nats = NatsServer.start();
    worker = App.of(StreamWorker.class, nats.url());
    httpApi = App.httpApi(nats.url(), "--task.stream.stall=3s");
    worker.awaitReady();
    httpApi.awaitReady();
  }

  @AfterEach
  void stop() {
    httpApi.close();
    worker.close();
    nats.close();
  }

  private BufferedReader open(String type, int ticks, int millis) throws IOException {
    var answer = httpApi.stream("{\"worker\": \"ticks\", \"payload\": \"" + ticks + " " + millis + "\"}", type);
    assertThat(answer.statusCode()).isEqualTo(200);
    return new BufferedReader(new InputStreamReader(answer.body(), UTF_8));
  }

  /** Reads until the n-th part has come. */
  private static void await(BufferedReader events, int tick) throws IOException {
    String line = events.readLine();
    while (line != null && !line.endsWith("" + tick)) {
      line = events.readLine();
    }
    assertThat(line).isNotNull();
  }

  private static String rest(BufferedReader reader) throws IOException {
    List<String> lines = new ArrayList<>();
    for (String line = reader.readLine(); line != null; line = reader.readLine()) {
      lines.add(line);
    }
    return String.join("\n", lines);
  }

  @Test
  void workerThatIsKilledIsAnErrorToItsReaders() throws IOException {
    BufferedReader events = open(EVENTS, 1_000_000, 10);
    BufferedReader lines = open(LINES, 1_000_000, 10);
    await(events, 20);
    await(lines, 20);
    worker.kill();
    assertThat(rest(events)).contains("event: error", "\"reason\":\"timeout\"").doesNotContain("event: end");
    assertThatIOException().isThrownBy(() -> rest(lines));
  }

  @Test
  void brokerThatIsKilledLeavesNoHole() throws IOException {
    int ticks = 3000;
    BufferedReader events = open(EVENTS, ticks, 1);
    await(events, 100);
    nats.kill();
    nats.startAgain();
    String seen = rest(events);
    List<Integer> numbers = seen.lines().filter(line -> line.matches("data: \\d+"))
        .map(line -> Integer.parseInt(line.substring(6))).toList();
    assertThat(numbers).isEqualTo(IntStream.range(101, 101 + numbers.size()).boxed().toList());
    assertThat(seen).contains(numbers.size() == ticks - 100 ? "event: end" : "event: error");
    worker.awaitReady();
    httpApi.awaitReady();
    assertThat(rest(open(EVENTS, 3, 0))).endsWith("data: {\"parts\":3}\n");
  }

  @Test
  void handlerEndsWhenItsHttpApiIsKilled() throws IOException {
    open(EVENTS, 2, 3_600_000);
    assertThat(worker.metric("messaging_in_flight")).isEqualTo(1);
    httpApi.kill();
    Awaitility.await().atMost(Duration.ofSeconds(13)) // the next word that it is at work comes within 10 s
        .until(() -> worker.metric("messaging_in_flight") == 0);
  }

  @Test
  void handlerEndsWhenItsClientGoes() throws IOException {
    open(EVENTS, 2, 3_600_000).close();
    Awaitility.await().atMost(Duration.ofSeconds(3)).until(() -> worker.metric("messaging_in_flight") == 0);
  }

  @Test
  void workerThatStopsFinishesItsStreams() throws IOException {
    BufferedReader events = open(EVENTS, 100, 20);
    await(events, 3);
    worker.terminate();
    assertThat(rest(events)).endsWith("data: 100\n\nevent: end\ndata: {\"parts\":100}\n");
  }
}
