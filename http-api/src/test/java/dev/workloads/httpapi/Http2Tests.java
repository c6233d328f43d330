package dev.workloads.httpapi;

import static org.assertj.core.api.Assertions.assertThat;

import dev.workloads.messaging.BrokerMessage;
import dev.workloads.messaging.testing.Stopwatch;
import java.io.DataInputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/** HTTP/2 without TLS, which has frames where HTTP/1.1 has the header {@code Connection} (RFC 9113, 8.2.2). */
class Http2Tests {

  private static final Duration DRAIN_DELAY = Duration.ofSeconds(4);
  private static final int LARGE = 900_000;
  private static final int DATA = 0;
  private static final int HEADERS = 1;
  private static final int SETTINGS = 4;
  private static final int GOAWAY = 7;
  private static final int END_STREAM = 1;
  private static final int END_HEADERS = 4;

  private final HttpApi api = HttpApi.start(List.of("server.http2.enabled=true", "task.max-body-size=1KB",
      "task.request-timeout=15s", "task.max-buffered=2MB", "task.write-timeout=1s", "task.drain-delay=" + DRAIN_DELAY.toMillis() + "ms"));
  private final HttpClient client = HttpClient.newHttpClient();

  @AfterEach
  void close() {
    api.context().close();
  }

  @Test
  void answerThatClosesAnHttp1ConnectionEndsItsStreamOnly() throws Exception {
    api.echo("echo");
    for (int i = 0; i < 50; i++) { // a reset of the stream would overtake one answer in ten
      HttpClient client = HttpClient.newHttpClient();
      assertAnswer(200, post(client, HttpApi.json("echo", "x"))); // upgrades the connection

      assertAnswer(413, post(client, " ".repeat(1025)));
      assertAnswer(200, post(client, HttpApi.json("echo", "x")));
    }
  }

  // By frames, because the JDK's client gives up its open streams at a GOAWAY (before JDK 24)
  @Test
  void clientsAreToldToGoAwayBeforeThePortClosesAndOpenStreamsFinish() throws Exception {
    BlockingQueue<BrokerMessage> received = api.silent("tasks.slow");
    try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), api.port())) {
      DataInputStream in = open(socket, "");
      post(socket, 1, HttpApi.json("slow", "the answer"));
      BrokerMessage message = received.take();
      Stopwatch watch = Stopwatch.start();

      CompletableFuture<Void> closed = CompletableFuture.runAsync(() -> api.context().close());

      awaitFrame(in, GOAWAY);
      watch.assertLessThan(DRAIN_DELAY);
      assertAnswer(404, get()); // on a connection of its own
      api.publish(message.reply(message.body()));
      assertThat(awaitFrame(in, DATA)).isEqualTo("the answer");
      closed.get(20, TimeUnit.SECONDS);
    }
  }

  @Test
  void streamsWhoseWindowIsNeverOpenedHoldBoundedMemoryAndEnd() throws Exception {
    api.worker("large", message -> message.reply(new byte[LARGE]));
    api.echo("echo");
    try (Socket socket = new Socket(InetAddress.getLoopbackAddress(), api.port())) {
      DataInputStream in = open(socket, "\0\4\0\0\0\0"); // the initial window: 0 bytes
      for (int stream = 1; stream <= 3; stream += 2) {
        post(socket, stream, HttpApi.json("large", "x"));
        awaitFrame(in, HEADERS);
      }
      assertThat(api.task("large", "x").reason()).isEqualTo("timeout");
      assertThat(api.task("echo", "x").text()).isEqualTo("x");

      assertThat(awaitFrame(in, DATA)).isEmpty(); // the stream's end, before as much as Content-Length says
      Awaitility.await().untilAsserted(() -> assertThat(api.task("large", "x").body()).hasSize(LARGE));
    }
  }

  /** Begins HTTP/2 on a connection. */
  private static DataInputStream open(Socket socket, String settings) throws IOException {
    socket.setSoTimeout(20_000);
    socket.getOutputStream().write("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".getBytes(StandardCharsets.US_ASCII));
    socket.getOutputStream().write(frame(SETTINGS, 0, 0, settings));
    return new DataInputStream(socket.getInputStream());
  }

  private static void post(Socket socket, int stream, String json) throws IOException {
    // POST and http are in HPACK's static table, and so are the names :path and :authority
    String headers = "\u0083\u0086\u0004\u0005/task\u0001\u0004test";
    socket.getOutputStream().write(frame(HEADERS, END_HEADERS, stream, headers));
    socket.getOutputStream().write(frame(DATA, END_STREAM, stream, json));
  }

  private static byte[] frame(int type, int flags, int stream, String payload) {
    byte[] bytes = payload.getBytes(StandardCharsets.ISO_8859_1);
    return ByteBuffer.allocate(9 + bytes.length).putShort((short) 0).put((byte) bytes.length).put((byte) type)
        .put((byte) flags).putInt(stream).put(bytes).array();
  }

  private static String awaitFrame(DataInputStream in, int awaited) throws IOException {
    while (true) {
      int length = in.readUnsignedShort() << 8 | in.readUnsignedByte();
      int type = in.readUnsignedByte();
      in.skipNBytes(5);
      String payload = new String(in.readNBytes(length), StandardCharsets.ISO_8859_1);
      if (type == awaited) {
        return payload;
      }
    }
  }

  private static void assertAnswer(int status, HttpResponse<String> answer) {
    assertThat(answer.version()).isEqualTo(HttpClient.Version.HTTP_2);
    assertThat(answer.statusCode()).isEqualTo(status);
    assertThat(answer.headers().map()).doesNotContainKeys("connection", "keep-alive", "transfer-encoding");
  }

  private HttpResponse<String> post(HttpClient client, String body) throws IOException, InterruptedException {
    return client.send(request().POST(BodyPublishers.ofString(body)).build(), BodyHandlers.ofString());
  }

  private HttpResponse<String> get() throws IOException, InterruptedException {
    return client.send(request().uri(URI.create("http://localhost:" + api.port() + "/x")).build(),
        BodyHandlers.ofString());
  }

  private HttpRequest.Builder request() {
    return HttpRequest.newBuilder(URI.create("http://localhost:" + api.port() + "/task"));
  }
}
