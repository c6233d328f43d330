package dev.workloads.httpapi;

import static java.util.concurrent.TimeUnit.SECONDS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIOException;

import dev.workloads.messaging.BrokerMessage;
import dev.workloads.messaging.MessageRejectedException;
import dev.workloads.messaging.ReplySink;
import java.io.EOFException;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.UUID;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Tasks with several replies, as HTTP clients see them. */
class TaskStreamTests {

  private static final String EVENTS = "Accept: text/event-stream";
  private static final String LINES = "Accept: application/x-ndjson";

  @RegisterExtension
  static final HttpApi api = HttpApi.with("task.stream.stall=1s");

  @RegisterExtension
  static final HttpApi narrow = HttpApi.with("task.max-in-flight=1", "task.write-timeout=1s");

  private final String worker = "w-" + UUID.randomUUID();
  private final BlockingQueue<Object> ended = new LinkedBlockingQueue<>();

  private static void send(ReplySink<BrokerMessage> replies, String... parts) {
    Stream.of(parts).forEach(part -> replies.send(BrokerMessage.of("", part)));
  }

  /** Sends the parts, and then neither ends nor fails before it is interrupted. */
  private void openWorker(HttpApi server, String... parts) {
    server.streamingWorker(worker, (message, replies) -> {
      try {
        send(replies, parts);
        new CountDownLatch(1).await();
      } catch (Exception e) {
        ended.add(e);
        throw e;
      }
    });
  }

  private Answer ask(String... headers) throws IOException {
    return api.post(HttpApi.json(worker, "x"), headers);
  }

  private Connection open(HttpApi server, String accept) throws IOException {
    return server.connect().send(HttpApi.taskRequest(HttpApi.json(worker, "x"), accept));
  }

  private static void assertHead(Connection connection, String contentType) throws IOException {
    Answer head = connection.answerWithoutBody();
    assertThat(head.status()).isEqualTo(200);
    assertThat(head.header("Content-Type")).isEqualTo(contentType);
    assertThat(head.header("Transfer-Encoding")).isEqualTo("chunked");
  }

  @Test
  void partsAreServerSentEvents() throws IOException {
    api.streamingWorker(worker, (message, replies) -> send(replies, message.text(), "Grüße", "two\nlines", "\n", "a\r\nb\rc"));
    Answer answer = ask(EVENTS);
    assertThat(answer.status()).isEqualTo(200);
    assertThat(answer.header("Content-Type")).isEqualTo("text/event-stream");
    assertThat(answer.header("Cache-Control")).isEqualTo("no-store");
    assertThat(answer.header("X-Accel-Buffering")).isEqualTo("no");
    assertThat(answer.header("X-Content-Type-Options")).isEqualTo("nosniff");
    assertThat(answer.header("Connection")).isNull();
    assertThat(answer.text()).isEqualTo("data: x\n\ndata: Grüße\n\ndata: two\ndata: lines\n\ndata: \ndata: \n\n"
        + "data: a\ndata: b\ndata: c\n\nevent: end\ndata: {\"parts\":5}\n\n");
  }

  @Test
  void partsAreLinesOfJson() throws IOException {
    api.streamingWorker(worker, (message, replies) -> send(replies, "{\"a\":1}", "[1,\r\n 2]", "\"x\\ny\"", "null"));
    Answer answer = ask(LINES);
    assertThat(answer.status()).isEqualTo(200);
    assertThat(answer.header("Content-Type")).isEqualTo("application/x-ndjson");
    assertThat(answer.text()).isEqualTo("{\"a\":1}\n[1,   2]\n\"x\\ny\"\nnull\n");
  }

  @ParameterizedTest
  @CsvSource(delimiter = '|', value = {"*/*|502", "text/*|502", "application/json|502", "text/event-stream;q=0|502", "nonsense|502",
      "text/event-stream;q=0.1, */*|200", "application/json, TEXT/EVENT-STREAM|200", "application/x-ndjson|200"})
  void streamHasToBeNamedOutright(String accept, int status) throws IOException {
    api.streamingWorker(worker, (message, replies) -> send(replies, "1"));
    Answer answer = ask("Accept: " + accept);
    assertThat(answer.status()).isEqualTo(status);
    if (status == 502) {
      assertThat(answer.text()).contains("ask for a stream");
    }
  }

  @ParameterizedTest
  @CsvSource({"'text/event-stream;q=0.5,application/x-ndjson', application/x-ndjson",
      "'application/x-ndjson;q=0.5,text/event-stream', text/event-stream",
      "'text/event-stream,application/x-ndjson', text/event-stream"})
  void formOfTheHighestQualityIsChosen(String accept, String contentType) throws IOException {
    api.streamingWorker(worker, (message, replies) -> send(replies, "1"));
    assertThat(ask("Accept: " + accept).header("Content-Type")).isEqualTo(contentType);
  }

  @Test
  void workerWithOneReplyIsAStreamOfOnePart() throws IOException {
    api.echo(worker);
    assertThat(ask(EVENTS).text()).isEqualTo("data: x\n\nevent: end\ndata: {\"parts\":1}\n\n");
  }

  @Test
  void streamMayBeEmpty() throws IOException {
    api.streamingWorker(worker, (message, replies) -> { });
    assertThat(ask(EVENTS).text()).isEqualTo("event: end\ndata: {\"parts\":0}\n\n");
    assertThat(ask(LINES).body()).isEmpty();
  }

  @Test
  void partComesBeforeTheNextIsThere() throws Exception {
    CountDownLatch release = new CountDownLatch(1);
    api.streamingWorker(worker, (message, replies) -> {
      send(replies, "1");
      release.await();
      send(replies, "2");
    });
    try (Connection connection = open(api, EVENTS)) {
      assertHead(connection, "text/event-stream");
      assertThat(connection.chunk()).isEqualTo("data: 1\n\n");
      release.countDown();
      assertThat(connection.chunk()).isEqualTo("data: 2\n\n");
      assertThat(connection.chunk()).startsWith("event: end");
      assertThat(connection.chunk()).isEmpty();
      assertThat(connection.send(HttpApi.taskRequest(HttpApi.json("nobody", ""))).answer().status()).isEqualTo(502);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {EVENTS, LINES})
  void failureBeforeTheFirstPartHasItsStatus(String accept) throws IOException {
    assertThat(ask(accept).status()).isEqualTo(502);
    api.streamingWorker(worker, (message, replies) -> {
      throw new MessageRejectedException(422, "no such report");
    });
    Answer rejected = ask(accept, "Accept: application/problem+json;q=0.5");
    assertThat(rejected.status()).isEqualTo(502);
    assertThat(rejected.reason()).isEqualTo("handler-rejected");
    assertThat(rejected.detail()).isEqualTo("no such report");
    assertThat(api.post("{}", accept).status()).isEqualTo(400);
  }

  @Test
  void failureAfterThatIsAnEvent() throws IOException {
    api.streamingWorker(worker, (message, replies) -> {
      send(replies, "1");
      throw new MessageRejectedException(422, "no\nmore");
    });
    String text = ask(EVENTS).text();
    assertThat(text).startsWith("data: 1\n\nevent: error\ndata: {\"type\":\"about:blank\"").endsWith("}\n\n")
        .contains("\"reason\":\"handler-rejected\"", "\"code\":422").doesNotContain("event: end");
  }

  @Test
  void failureAfterThatCutsLinesOff() throws IOException {
    api.streamingWorker(worker, (message, replies) -> {
      send(replies, "1");
      throw new IllegalStateException("secret");
    });
    try (Connection connection = open(api, LINES)) {
      assertHead(connection, "application/x-ndjson");
      assertThat(connection.chunk()).isEqualTo("1\n");
      assertThatIOException().isThrownBy(connection::chunk).isInstanceOf(EOFException.class);
    }
  }

  @Test
  void partsThatDoNotFitTheFormFail() throws IOException {
    api.streamingWorker(worker, (message, replies) -> send(replies, "no JSON"));
    Answer answer = ask(LINES);
    assertThat(answer.status()).isEqualTo(502);
    assertThat(answer.text()).contains("is no JSON");
    api.streamingWorker(worker + "-2", (message, replies) -> replies.send(new BrokerMessage("", new byte[] {(byte) 0xFF})));
    assertThat(api.post(HttpApi.json(worker + "-2", "x"), EVENTS).text()).contains("is no text");
  }

  @Test
  void workerThatIsHeardNoMoreIsAnError() throws IOException {
    api.openStream(worker);
    try (Connection connection = open(api, EVENTS)) {
      assertHead(connection, "text/event-stream");
      assertThat(connection.chunk()).isEqualTo("data: 1\n\n");
      assertThat(connection.chunk()).contains("event: error", "\"reason\":\"timeout\"", "nothing was heard");
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void clientThatGoesEndsTheHandler(boolean reset) throws Exception {
    openWorker(narrow, "1");
    try (Connection connection = open(narrow, EVENTS)) {
      assertHead(connection, "text/event-stream");
      assertThat(narrow.task(worker, "x").reason()).isEqualTo("overloaded");
      if (reset) {
        connection.reset();
      }
    }
    assertThat(ended.poll(2, SECONDS)).isInstanceOf(InterruptedException.class);
    narrow.echo(worker + "-2");
    Awaitility.await().until(() -> narrow.task(worker + "-2", "x").status() == 200);
  }

  @Test
  void clientThatGoesBeforeTheFirstPartEndsTheHandler() throws Exception {
    CountDownLatch begun = new CountDownLatch(1);
    narrow.streamingWorker(worker, (message, replies) -> {
      begun.countDown();
      try {
        new CountDownLatch(1).await();
      } catch (InterruptedException e) {
        ended.add(e);
      }
    });
    try (Connection connection = open(narrow, EVENTS)) {
      begun.await();
    }
    assertThat(ended.poll(2, SECONDS)).isNotNull();
  }

  @Test
  void clientThatReadsNothingIsCutOffAndHoldsNoOther() throws Exception {
    AtomicInteger sent = new AtomicInteger();
    narrow.streamingWorker(worker, (message, replies) -> {
      try {
        IntStream.range(0, 10_000).forEach(i -> {
          send(replies, "x".repeat(10_000));
          sent.incrementAndGet();
        });
      } catch (RuntimeException e) {
        ended.add(e);
        throw e;
      }
    });
    try (Connection connection = open(narrow, EVENTS)) {
      assertThat(ended.poll(10, SECONDS)).isNotNull();
      assertThat(sent.get()).isLessThan(1000);
    }
  }

  @Test
  void slowReaderGetsAll() throws IOException {
    List<String> parts = IntStream.range(0, 2000).mapToObj(i -> i + "-" + "x".repeat(1000)).toList();
    api.streamingWorker(worker, (message, replies) -> send(replies, parts.toArray(String[]::new)));
    String all = String.join("", parts.stream().map(part -> "data: " + part + "\n\n").toList());
    assertThat(ask(EVENTS).text()).isEqualTo(all + "event: end\ndata: {\"parts\":2000}\n\n");
  }

  @Test
  void stopEndsStreamsWithAnError() throws IOException {
    HttpApi stopping = HttpApi.start(List.of("messaging.drain-timeout=1s", "task.drain-delay=0s"));
    openWorker(stopping, "1");
    try (Connection connection = open(stopping, EVENTS)) {
      assertHead(connection, "text/event-stream");
      assertThat(connection.chunk()).isEqualTo("data: 1\n\n");
      long start = System.nanoTime();
      stopping.context().close();
      assertThat(Duration.ofNanos(System.nanoTime() - start)).isBetween(Duration.ofMillis(900), Duration.ofSeconds(10));
      assertThat(connection.chunk()).contains("event: error", "\"reason\":\"draining\"");
      assertThat(connection.chunk()).isEmpty();
    } finally {
      stopping.stopWorkers();
    }
  }
}
