package dev.workloads.httpapi;

import static org.assertj.core.api.Assertions.assertThat;

import dev.workloads.messaging.BrokerMessage;
import dev.workloads.messaging.ErrorReply;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.TimeUnit;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.RepeatedTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class OverloadTests {

  private static final int MAX_IN_FLIGHT = 3;
  private static final int MAX_BUFFERED = 64 * 1024;

  @RegisterExtension
  static final HttpApi api = HttpApi.with("task.max-in-flight=3", "task.max-buffered=64KB", "task.body-timeout=700ms",
      "task.request-timeout=8s");

  @RepeatedTest(3)
  void taskBeyondTheLimitOfWaitingOnesIsRefused() throws Exception {
    BlockingQueue<BrokerMessage> received = api.silent("tasks.slow");
    List<Connection> waiting = new ArrayList<>();
    for (int i = 0; i < MAX_IN_FLIGHT; i++) {
      waiting.add(api.connect().send(HttpApi.taskRequest(HttpApi.json("slow", "x" + i))));
    }
    List<BrokerMessage> messages = take(received, MAX_IN_FLIGHT);

    assertOverloaded(api.task("slow", "x"));
    assertOverloaded(api.task("slow", "x"));
    assertThat(api.get(api.port(), "/x").status()).isEqualTo(404);
    assertThat(api.post("{").status()).isEqualTo(400);

    answer(messages, waiting);
    api.echo("echo");
    assertThat(api.task("echo", "x").status()).isEqualTo(200);
  }

  @Test
  void placesComeBackAfterEveryOutcome() throws Exception {
    api.echo("echo");
    api.worker("failing", message -> new ErrorReply(500, "why").toMessage());
    for (int i = 0; i < 2 * MAX_IN_FLIGHT; i++) {
      assertThat(api.task("echo", "x").status()).isEqualTo(200);
      assertThat(api.task("failing", "x").reason()).isEqualTo("handler-failed");
      assertThat(api.task("nobody", "x").reason()).isEqualTo("no-responders");
      assertThat(api.task("bad name", "x").reason()).isEqualTo("invalid-request");
    }

    BlockingQueue<BrokerMessage> received = api.silent("tasks.slow");
    List<Connection> waiting = new ArrayList<>();
    for (int i = 0; i < MAX_IN_FLIGHT; i++) {
      waiting.add(api.connect().send(HttpApi.taskRequest(HttpApi.json("slow", "x"))));
    }
    answer(take(received, MAX_IN_FLIGHT), waiting);
  }

  @RepeatedTest(3)
  void taskBeyondTheLimitOfBytesIsRefused() throws Exception {
    BlockingQueue<BrokerMessage> received = api.silent("tasks.slow");
    List<Connection> waiting = new ArrayList<>();
    for (int i = 0; i < 2; i++) {
      waiting.add(api.connect().send(HttpApi.taskRequest(HttpApi.json("slow", "x".repeat(30_000)))));
    }
    List<BrokerMessage> messages = take(received, 2);

    assertOverloaded(api.task("slow", "x".repeat(30_000)));
    api.echo("echo");
    assertThat(api.task("echo", "x").text()).isEqualTo("x");

    answer(messages, waiting);
    assertAllBytesAreFree();
  }

  @Test
  void bodyLargerThanAllBytesIsRefused() throws Exception {
    assertOverloaded(api.task("slow", "x".repeat(MAX_BUFFERED)));
    assertAllBytesAreFree();
  }

  @Test
  void refusedBodyIsNotWaitedFor() throws Exception {
    try (Connection connection = api.connect()) {
      connection.send(HttpApi.taskHead(1_000_000, "Accept: application/json")).send(" ".repeat(MAX_BUFFERED + 10_000));

      assertOverloaded(connection.answer());
      assertThat(connection.rest()).isEmpty();
    }
    assertAllBytesAreFree();
  }

  @Test
  void bytesComeBackAfterEveryKindOfBadBody() throws Exception {
    String chunk = "4e20\r\n" + " ".repeat(20_000) + "\r\n";
    for (int i = 0; i < 10; i++) {
      assertThat(api.post(" ".repeat(30_000)).status()).isEqualTo(400);
      assertThat(api.task("bad name", "x".repeat(30_000)).status()).isEqualTo(400);
      assertThat(api.task("nobody", "x".repeat(30_000)).status()).isEqualTo(502);
      sendPart("Content-Length: 50000", " ".repeat(30_000)).reset();
      sendPart("Transfer-Encoding: chunked", chunk).reset();
      assertAllBytesAreFree();
      assertThat(answer("Transfer-Encoding: chunked", chunk + "nonsense\r\n")).isEqualTo(400);
      assertThat(answer("Transfer-Encoding: chunked", chunk + "0\r\n\r\n")).isEqualTo(400);
    }
    assertAllBytesAreFree();
  }

  @ParameterizedTest
  @ValueSource(strings = {"Content-Length: 50000", "Transfer-Encoding: chunked"})
  void bytesComeBackAfterATimeout(String header) throws Exception {
    assertThat(answer(header, header.startsWith("C") ? " ".repeat(30_000) : "7530\r\n" + " ".repeat(30_000) + "\r\n"))
        .isEqualTo(408);
    assertAllBytesAreFree();
  }

  @Test
  void bytesComeBackWhereTheAnswerIsNotTaken() throws Exception {
    BlockingQueue<BrokerMessage> received = api.silent("tasks.slow");
    for (int i = 0; i < 5; i++) {
      String json = HttpApi.json("slow", "x".repeat(30_000));
      api.connect().send(HttpApi.taskHead(json.length())).send(json).reset();
      BrokerMessage message = received.poll(5, TimeUnit.SECONDS);
      if (message != null) { // else the reset was faster than the body
        api.publish(message.reply(new byte[1_000_000]));
      }
    }
    assertAllBytesAreFree();
  }

  @Test
  void clientsThatSendNothingMoreCostFewBytes() throws Exception {
    List<Connection> silent = new ArrayList<>();
    for (int i = 0; i < 60; i++) {
      silent.add(sendPart("Content-Length: 50000", "{"));
    }
    api.echo("echo");

    assertThat(api.task("echo", "x").text()).isEqualTo("x");

    for (Connection connection : silent) {
      connection.close();
    }
    assertAllBytesAreFree();
  }

  private int answer(String header, String part) throws IOException {
    try (Connection connection = sendPart(header, part)) {
      return connection.answer().status();
    }
  }

  private static Connection sendPart(String header, String part) throws IOException {
    return api.connect().send("POST /task HTTP/1.1\r\nHost: test\r\n" + header + "\r\n\r\n" + part);
  }

  private static List<BrokerMessage> take(BlockingQueue<BrokerMessage> received, int count)
      throws InterruptedException {
    List<BrokerMessage> messages = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      messages.add(received.take());
    }
    return messages;
  }

  private static void answer(List<BrokerMessage> messages, List<Connection> waiting) throws IOException {
    messages.forEach(message -> api.publish(message.reply(message.body())));
    for (Connection connection : waiting) {
      assertThat(connection.answer().status()).isEqualTo(200);
      connection.close();
    }
  }

  private static void assertOverloaded(Answer answer) {
    assertThat(answer.status()).isEqualTo(503);
    assertThat(answer.reason()).isEqualTo("overloaded");
    assertThat(answer.header("Retry-After")).isEqualTo("1");
  }

  /** A body as large as the limit passes only if nothing else holds a byte. */
  private static void assertAllBytesAreFree() {
    api.echo("all");
    String json = HttpApi.json("all", "x");
    String body = json + " ".repeat(MAX_BUFFERED - json.length());
    Awaitility.await().untilAsserted(() -> assertThat(api.post(body).status()).isEqualTo(200));
  }
}
