package dev.workloads.systemtests;

import static org.assertj.core.api.Assertions.assertThat;

import dev.workloads.messaging.test.NatsServer;
import io.nats.client.Connection;
import io.nats.client.Message;
import io.nats.client.Nats;
import io.nats.client.Subscription;
import io.nats.client.impl.Headers;
import java.io.IOException;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.regex.Pattern;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Hostile messages to task-leet and hostile replies to http-api harm nobody but their senders. */
@Tag("alone")
@Tag("faults")
class HostileNatsIT {

  private static final Duration PATIENCE = Duration.ofSeconds(10);
  private static final byte[] HELLO = "Hello".getBytes(StandardCharsets.UTF_8);
  private static final int MEGABYTE = 1 << 20;

  @AutoClose
  private static NatsServer nats;
  @AutoClose
  private static App worker;
  @AutoClose
  private static App httpApi;
  @AutoClose
  private static Connection client;

  @BeforeAll
  static void start() throws Exception {
    nats = NatsServer.start();
    worker = App.taskLeet(nats.url(), "-Xmx64m", "--messaging.subscriptions=tasks.default,tasks.task-leet.>");
    httpApi = App.httpApi(nats.url(), "-Xmx96m", "--task.request-timeout=500ms");
    client = Nats.connect(nats.url());
    worker.awaitReady();
    httpApi.awaitReady();
  }

  @AfterEach
  void bothStillWork() throws IOException {
    assertThat(httpApi.post("{\"payload\": \"Hello World\"}").body()).isEqualTo("H3110 W0r1d");
    assertThat(worker.readiness()).isEqualTo(200);
    assertThat(httpApi.readiness()).isEqualTo(200);
    assertThat(worker.log()).doesNotContain("OutOfMemoryError");
    assertThat(httpApi.log()).doesNotContain("OutOfMemoryError", "\tat ");
  }

  @Test
  void randomBytesAreAnsweredOnce() throws Exception {
    Random random = new Random(1);
    for (int i = 0; i < 500; i++) {
      byte[] body = new byte[random.nextInt(i % 50 == 0 ? 500_000 : 200)];
      random.nextBytes(body);
      Message reply = client.request("tasks.task-leet.random", body, PATIENCE);
      assertThat(reply).isNotNull();
      assertThat(reply.getHeaders() == null || "400".equals(reply.getHeaders().getFirst("Nats-Service-Error-Code")))
          .isTrue();
    }
  }

  @Test
  void hugeAndManyHeadersAreBorne() throws Exception {
    Headers huge = new Headers().add("traceparent", "x".repeat(MEGABYTE - 1000));
    Headers many = new Headers();
    for (int i = 0; i < 20_000; i++) {
      many.add("X-" + i, "y");
    }
    Headers names = new Headers().add("Request-Timeout", "9".repeat(1000), "-1", "NaN").add("Nats-Service-Error", "me")
        .add("Nats-Service-Error-Code", "-1").add("tracestate", "a=b".repeat(10_000)).add("baggage", "=;,".repeat(9_000));
    for (Headers headers : List.of(huge, many, names)) {
      for (int i = 0; i < 20; i++) {
        assertLeet(client.request("tasks.default", headers, HELLO, PATIENCE));
      }
    }
  }

  @Test
  void injectedHeadersReachNeitherLogNorReply() throws Exception {
    try (RawConnection raw = connect()) {
      Subscription replies = client.subscribe("replies.injected");
      client.flush(PATIENCE);
      for (String headers : List.of("NATS/1.0\r\nA: b\r\n\r\nNATS/1.0\r\nC: d\r\n\r\n",
          "NATS/1.0\r\nA:b\nInjected: yes\r\n\r\n", "NATS/1.0\r\n: no name\r\n\r\n", "NATS/1.0\r\nno colon\r\n\r\n",
          "NATS/1.0 503\r\n\r\n", "NATS/1.0 abc def\r\nA: b\r\n\r\n", "NATS/1.0\r\nA: \u0000\u0007\u001b[31m\r\n\r\n",
          "NATS/1.0\r\ntraceparent: 00-" + "f".repeat(32) + "-\u001b[31m\nInjected line\r\n\r\n",
          "HTTP/1.1 200 OK\r\nA: b\r\n\r\n", "\r\n", "NATS/1.0\r\nA: b")) {
        raw.send("HPUB tasks.default replies.injected " + headers.length() + " " + (headers.length() + 2) + "\r\n"
            + headers + "\u00ff\u00fe\r\n");
      }
      raw.send("PING\r\n");
      awaitLine(raw, "PONG");
      // Malformed headers may cost the worker its connection to NATS, never more; a good message is answered again
      Awaitility.await().atMost(PATIENCE).pollInterval(Duration.ofMillis(20)).until(() -> {
        Message reply = client.request("tasks.default", HELLO, Duration.ofMillis(500));
        return reply != null && "H3110".equals(new String(reply.getData(), StandardCharsets.UTF_8));
      });
      replies.unsubscribe();
      assertThat(worker.log().lines()).noneMatch(line -> line.startsWith("Injected") || line.indexOf(0x1b) >= 0);
    }
  }

  @Test
  void replyToThatIsATaskDoesNotLoop() throws Exception {
    Subscription tasks = client.subscribe("tasks.>");
    client.flush(PATIENCE);
    for (int i = 0; i < 20; i++) {
      client.publish("tasks.default", "tasks.default", HELLO);
      client.publish("tasks.task-leet.a", "tasks.task-leet.b", new byte[] {(byte) 0xff});
    }
    assertLeet(client.request("tasks.default", HELLO, PATIENCE));
    Awaitility.await().atMost(PATIENCE).until(() -> metric("messaging_missing_reply_to_total") >= 20);
    client.flush(PATIENCE);
    int count = 0;
    while (tasks.nextMessage(Duration.ofMillis(300)) != null) {
      count++;
    }
    assertThat(count).as("what was sent, its replies, and the one request").isEqualTo(2 * 40 + 1);
    tasks.unsubscribe();
  }

  @Test
  void strangeReplyToSubjectsAreBorne() throws Exception {
    try (RawConnection raw = connect()) {
      for (String replyTo : List.of("$SYS.REQ.SERVER.PING", "$SYS.>", ">", "*", "a.*.b", "a..b", ".a", "a.", "\u00e4\u00ff",
          "_INBOX." + "x".repeat(3000), "$SRV.PING", "$JS.API.STREAM.CREATE.X", "\"", "\u0001\u0002", "a\\nb")) {
        raw.send("PUB tasks.default " + replyTo + " 5\r\nHello\r\n");
        raw.send("PUB tasks.default " + replyTo + " 1\r\n\u00ff\r\n");
      }
      raw.send("PING\r\n");
      awaitLine(raw, "PONG");
    }
    assertLeet(client.request("tasks.default", HELLO, PATIENCE));
  }

  @Test
  void messagesWithoutReplyToAreCountedOnly() throws Exception {
    double before = metric("messaging_missing_reply_to_total");
    for (int i = 0; i < 1_000; i++) {
      client.publish("tasks.default", HELLO);
    }
    Awaitility.await().atMost(PATIENCE).until(() -> metric("messaging_missing_reply_to_total") >= before + 1
        && metric("messaging_queued") == 0 && metric("messaging_in_flight") == 0);
  }

  @Test
  void duplicateAndForeignRepliesReachNobody() throws Exception {
    try (RawConnection raw = connect()) {
      raw.send("SUB tasks.twice 1\r\nSUB tasks.other 2\r\n");
      CompletableFuture<HttpResponse<String>> other = post("other");
      String othersInbox = awaitMessage(raw, "tasks.other");
      for (int i = 0; i < 20; i++) {
        CompletableFuture<HttpResponse<String>> twice = post("twice");
        String inbox = awaitMessage(raw, "tasks.twice");
        String prefix = inbox.substring(0, inbox.lastIndexOf('.') + 1);
        for (String target : List.of(inbox, inbox, prefix + "unknown", prefix + "0", inbox + ".more",
            prefix.substring(0, prefix.length() - 1))) {
          raw.send("PUB " + target + " 3\r\none\r\nPUB " + target + " 3\r\ntwo\r\n");
        }
        assertThat(twice.get(5, TimeUnit.SECONDS).body()).isEqualTo("one");
        assertThat(other.isDone() && other.get().statusCode() == 200).isFalse();
      }
      // Whoever knows an inbox can answer in the worker's place: that is what permissions are for
      assertThat(other.get(5, TimeUnit.SECONDS).statusCode()).isEqualTo(502);
      raw.send("PUB " + othersInbox + " 4\r\nlate\r\n");
    }
  }

  @Test
  void brokenRepliesAreAnErrorOrPlainText() throws Exception {
    try (RawConnection raw = connect()) {
      raw.send("SUB tasks.broken 1\r\n");
      for (String headers : List.of("NATS/1.0\r\nContent-Type: text/html\r\nSet-Cookie: a=b\r\nX-Evil: 1\r\n\r\n",
          "NATS/1.0\r\nContent-Type: text/html\nX-Evil: 1\r\n\r\n", "NATS/1.0\r\nContent-Type: text/html\rX-Evil: 1\r\n\r\n",
          "NATS/1.0\r\nContent-Type: text/html\u0000\r\n\r\n", "NATS/1.0\r\nContent-Type: \u00e4/\u00ff\r\n\r\n",
          "NATS/1.0\r\nContent-Type: */*\r\n\r\n", "NATS/1.0\r\nContent-Type: text/" + "x".repeat(20_000) + "\r\n\r\n",
          "NATS/1.0\r\nContent-Type:\r\n\r\n", "NATS/1.0\r\nNats-Service-Error: <script>\u0007\nX-Evil: 1\r\n\r\n",
          "NATS/1.0\r\nNats-Service-Error-Code: 503\r\n\r\n", "NATS/1.0\r\nNats-Service-Error-Code: \u00ff\r\n\r\n",
          "NATS/1.0 408 Request Timeout\r\n\r\n", "NATS/1.0 abc\r\n\r\n", "NATS/1.0\r\nno colon\r\n\r\n",
          "NATS/1.0\r\n: no name\r\n\r\n", "HTTP/1.1 200 OK\r\n\r\n", "NATS/1.0\r\nA: b", "\r\n")) {
        CompletableFuture<HttpResponse<String>> answer = post("broken");
        String inbox = awaitMessage(raw, "tasks.broken");
        raw.send("HPUB " + inbox + " " + headers.length() + " " + (headers.length() + 2) + "\r\n" + headers + "ok\r\n");
        HttpResponse<String> response = answer.get(15, TimeUnit.SECONDS);
        assertThat(response.statusCode()).as(headers).isIn(200, 502, 503);
        assertThat(response.headers().map().keySet()).as(headers).doesNotContain("x-evil", "set-cookie");
        assertThat(response.headers().firstValue("content-type").orElse("")).as(headers).hasSizeLessThan(600);
        assertThat(response.body()).doesNotContain("X-Evil: 1\r", "\u0007");
        Awaitility.await().atMost(PATIENCE).pollInterval(Duration.ofMillis(20)) // it may have lost its connection
            .until(() -> httpApi.post("{\"payload\": \"a\"}").statusCode() == 200);
      }
    }
  }

  private static void assertLeet(Message reply) {
    assertThat(reply).isNotNull();
    assertThat(new String(reply.getData(), StandardCharsets.UTF_8)).isEqualTo("H3110");
  }

  private static double metric(String name) throws IOException {
    return Pattern.compile("(?m)^" + name + "(?:\\{[^}]*})? (\\S+)$")
        .matcher(worker.management("/actuator/prometheus").body()).results()
        .mapToDouble(match -> Double.parseDouble(match.group(1))).sum();
  }

  private static CompletableFuture<HttpResponse<String>> post(String name) {
    return CompletableFuture.supplyAsync(() -> {
      try {
        return httpApi.post("{\"worker\": \"" + name + "\", \"payload\": \"x\"}");
      } catch (IOException e) {
        throw new java.io.UncheckedIOException(e);
      }
    });
  }

  private static RawConnection connect() throws IOException {
    RawConnection raw = new RawConnection(nats.port());
    assertThat(raw.line()).startsWith("INFO ");
    return raw.send("CONNECT {\"verbose\":false,\"pedantic\":false,\"headers\":true,\"no_responders\":true}\r\n");
  }

  private static void awaitLine(RawConnection raw, String expected) throws IOException {
    String line = raw.line();
    while (!line.equals(expected)) {
      line = raw.line();
    }
  }

  /** Reads the next message to the subject, and returns its reply-to. */
  private static String awaitMessage(RawConnection raw, String subject) throws IOException {
    while (true) {
      String[] parts = raw.line().split(" ");
      boolean message = parts[0].equals("MSG") || parts[0].equals("HMSG");
      if (message) {
        raw.bytes(Integer.parseInt(parts[parts.length - 1]) + 2);
      }
      if (message && parts[1].equals(subject)) {
        return parts[3];
      }
    }
  }
}
