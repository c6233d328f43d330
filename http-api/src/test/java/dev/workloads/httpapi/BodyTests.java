package dev.workloads.httpapi;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.apache.catalina.core.StandardContext;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.springframework.boot.tomcat.TomcatWebServer;
import org.springframework.boot.web.server.context.WebServerApplicationContext;

class BodyTests {

  private static final int LIMIT = 64 * 1024;
  private static final String CHUNKED_HEAD =
      "POST /task HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\nAccept: application/json\r\n\r\n";

  @RegisterExtension
  static final HttpApi api = HttpApi.with("task.max-body-size=64KB", "task.body-timeout=700ms");
  @RegisterExtension
  static final HttpApi defaults = HttpApi.with();

  private final ScheduledExecutorService scheduler = Executors.newSingleThreadScheduledExecutor();

  @AfterEach
  void stopScheduler() {
    scheduler.shutdownNow();
  }

  /** Else Tomcat takes it for active, and a stop waits for it. */
  @AfterEach
  void everyRequestIsComplete() {
    TomcatWebServer server = (TomcatWebServer) ((WebServerApplicationContext) api.context()).getWebServer();
    StandardContext context = (StandardContext) server.getTomcat().getHost().findChildren()[0];

    Awaitility.await().until(() -> context.getInProgressAsyncCount() == 0);
  }

  @Test
  void bodyOfExactlyTheLimitPasses() throws IOException {
    api.echo("echo");
    String json = padded(LIMIT);

    assertThat(api.post(json).text()).isEqualTo("x");
    try (Connection connection = api.connect()) {
      assertThat(connection.send(CHUNKED_HEAD).send(chunk(json) + chunk("")).answer().text()).isEqualTo("x");
    }
  }

  @ParameterizedTest
  @ValueSource(longs = {LIMIT + 1, 1L << 31, 1L << 40, Long.MAX_VALUE})
  void bodyAnnouncedLargerIsRefusedBeforeItComes(long length) throws IOException {
    try (Connection connection = api.connect()) {
      String head = HttpApi.taskHead(0, "Accept: application/json").replace("Length: 0", "Length: " + length);

      assertTooLarge(connection.send(head));
    }
  }

  @Test
  void bodyThatGrowsLargerIsRefusedBeforeItEnds() throws IOException {
    try (Connection connection = api.connect()) {
      assertTooLarge(connection.send(CHUNKED_HEAD).send(chunk(padded(LIMIT + 1))));
    }
  }

  private static void assertTooLarge(Connection connection) throws IOException {
    Answer answer = connection.answer();

    assertThat(answer.status()).isEqualTo(413);
    assertThat(answer.reason()).isEqualTo("body-too-large");
    assertThat(answer.detail()).contains("65536");
    assertThat(answer.header("Connection")).isEqualTo("close");
    assertThat(connection.rest()).isEmpty();
  }

  @Test
  void clientThatNeverStopsSendingIsCutOff() throws Exception {
    try (Connection connection = api.connect()) {
      connection.send(CHUNKED_HEAD);
      byte[] chunk = chunk(" ".repeat(10_000)).getBytes(StandardCharsets.US_ASCII);

      assertThat(CompletableFuture.runAsync(() -> connection.sendUntilRefused(chunk)))
          .succeedsWithin(Duration.ofSeconds(10));
    }
  }

  @Test
  void defaultLimitIsEightMebibytes() throws IOException {
    try (Connection connection = defaults.connect()) {
      Answer answer = connection.send(HttpApi.taskHead(8 * 1024 * 1024 + 1)).answer();

      assertThat(answer.status()).isEqualTo(413);
      assertThat(answer.text()).contains("8388608");
    }
    defaults.echo("echo");
    assertThat(defaults.post(padded(8 * 1024 * 1024)).text()).isEqualTo("x");
  }

  @Test
  void requestWithoutABodyIsRefused() throws IOException {
    try (Connection connection = api.connect()) {
      Answer answer = connection.send("POST /task HTTP/1.1\r\nHost: test\r\n\r\n").answer();

      assertThat(answer.status()).isEqualTo(400);
      assertThat(answer.text()).startsWith("the body is empty");
    }
  }

  @Test
  void bodyIsAskedForWhereTheClientExpectsIt() throws IOException {
    api.echo("echo");
    String json = HttpApi.json("echo", "x");
    try (Connection connection = api.connect()) {
      connection.send(HttpApi.taskHead(json.length(), "Expect: 100-continue"));

      assertThat(connection.answer().status()).isEqualTo(100);
      assertThat(connection.send(json).answer().text()).isEqualTo("x");
      assertThat(connection.send(HttpApi.taskRequest(json)).answer().text()).isEqualTo("x");
    }
  }

  @Test
  void bodyThatIsNotTakenIsNotAskedFor() throws IOException {
    try (Connection connection = api.connect()) {
      assertTooLarge(connection.send(HttpApi.taskHead(LIMIT + 1, "Accept: application/json", "Expect: 100-continue")));
    }
    try (Connection connection = api.connect()) {
      connection.send(HttpApi.taskHead(1, "Expect: 100-continue").replace("/task", "/x"));

      assertThat(connection.answer().status()).isEqualTo(404);
    }
  }

  @Test
  void bodyMayComeInManyChunksWithExtensionsAndTrailers() throws IOException {
    api.echo("echo");
    StringBuilder body = new StringBuilder();
    for (char c : HttpApi.json("echo", "x".repeat(1000)).toCharArray()) {
      body.append("1;a=b\r\n").append(c).append("\r\n");
    }
    try (Connection connection = api.connect()) {
      connection.send(CHUNKED_HEAD).send(body + "0\r\nTrailer: x\r\n\r\n");

      assertThat(connection.answer().text()).isEqualTo("x".repeat(1000));
      assertThat(connection.send(HttpApi.taskRequest(HttpApi.json("echo", "y"))).answer().text()).isEqualTo("y");
    }
  }

  @Test
  void bodyMayComeInParts() throws Exception {
    api.echo("echo");
    String json = HttpApi.json("echo", "x".repeat(30_000));
    try (Connection connection = api.connect()) {
      connection.send(HttpApi.taskHead(json.length())).send(json.substring(0, 20_000));
      scheduler.schedule(() -> connection.send(json.substring(20_000)), 100, TimeUnit.MILLISECONDS).get();

      assertThat(connection.answer().text()).isEqualTo("x".repeat(30_000));
      assertThat(connection.send(HttpApi.taskRequest(HttpApi.json("echo", "y"))).answer().text()).isEqualTo("y");
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "{", "{\"payload\":\"x\"}"})
  void bodyThatDoesNotComeIsATimeout(String part) throws IOException {
    try (Connection connection = api.connect()) {
      long start = System.nanoTime();

      assertTimeout(connection.send(HttpApi.taskHead(100, "Accept: application/json")).send(part), start);
    }
  }

  @Test
  void chunksThatDoNotEndAreATimeout() throws IOException {
    try (Connection connection = api.connect()) {
      long start = System.nanoTime();

      assertTimeout(connection.send(CHUNKED_HEAD).send(chunk("{\"payload\":\"x\"}")), start);
    }
  }

  @Test
  void trickleDoesNotExtendTheTimeForTheBody() throws IOException {
    try (Connection connection = api.connect()) {
      long start = System.nanoTime();
      connection.send(HttpApi.taskHead(10_000, "Accept: application/json"));
      scheduler.scheduleAtFixedRate(() -> trySend(connection), 0, 50, TimeUnit.MILLISECONDS);

      assertTimeout(connection, start);
    }
  }

  private static void trySend(Connection connection) {
    try {
      connection.send(" ");
    } catch (IOException e) {
      throw new UncheckedIOException(e); // ends the schedule
    }
  }

  private static void assertTimeout(Connection connection, long start) throws IOException {
    Answer answer = connection.answer();

    // Tomcat looks for timeouts once a second
    assertThat(Duration.ofNanos(System.nanoTime() - start)).isBetween(Duration.ofMillis(700), Duration.ofMillis(3_700));
    assertThat(answer.status()).isEqualTo(408);
    assertThat(answer.reason()).isEqualTo("request-timeout");
    assertThat(answer.header("Connection")).isEqualTo("close");
    assertThat(connection.rest()).isEmpty();
  }

  @Test
  void timeForTheBodyIsNotTimeForTheReply() throws Exception {
    var received = api.silent("tasks.slow");
    String json = HttpApi.json("slow", "x");
    try (Connection connection = api.connect()) {
      connection.send(HttpApi.taskHead(json.length())).send(json.substring(0, 5));
      scheduler.schedule(() -> connection.send(json.substring(5)), 100, TimeUnit.MILLISECONDS).get();
      var message = received.take();
      scheduler.schedule(() -> api.publish(message.reply(message.body())), 2, TimeUnit.SECONDS);

      assertThat(connection.answer().text()).isEqualTo("x");
    }
  }

  @Test
  void bodyThatIsCutOffIsMalformed() throws IOException {
    try (Connection connection = api.connect()) {
      Answer answer = connection.send(HttpApi.taskHead(100, "Accept: application/json")).send("{").endOutput().answer();

      assertThat(answer.status()).isEqualTo(400);
      assertThat(answer.reason()).isEqualTo("invalid-request");
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void clientMayEndItsOutputAfterTheRequest(boolean chunked) throws IOException {
    api.echo("echo");
    String json = HttpApi.json("echo", "x");
    try (Connection connection = api.connect()) {
      connection.send(chunked ? CHUNKED_HEAD + chunk(json) + chunk("") : HttpApi.taskRequest(json)).endOutput();

      assertThat(connection.answer().text()).isEqualTo("x");
    }
  }

  private static String padded(int length) {
    String json = HttpApi.json("echo", "x");
    return json + " ".repeat(length - json.length());
  }

  private static String chunk(String text) {
    return Integer.toHexString(text.length()) + "\r\n" + text + "\r\n";
  }
}
