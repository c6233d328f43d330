package dev.workloads.messaging.nats;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;
import static java.util.concurrent.TimeUnit.SECONDS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.awaitility.Awaitility.await;

import dev.workloads.messaging.BrokerException;
import dev.workloads.messaging.BrokerMessage;
import dev.workloads.messaging.test.NatsServer;
import io.nats.client.Connection;
import io.nats.client.Nats;
import io.nats.client.Options;
import io.nats.client.api.StorageType;
import io.nats.client.api.StreamConfiguration;
import io.nats.client.impl.Headers;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.Socket;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.LinkedBlockingQueue;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What clients of other makes may send. */
class NatsForeignMessagesTests {

  private static final byte[] EMPTY = {};
  private static NatsServer server;

  private final BlockingQueue<BrokerMessage> received = new LinkedBlockingQueue<>();
  private NatsTransport transport;

  @BeforeAll
  static void startServer() {
    server = NatsServer.start();
  }

  @AfterAll
  static void stopServer() {
    server.close();
  }

  @BeforeEach
  void subscribe() {
    transport = NatsTransport.open(Options.builder().server(server.url()).build(), Duration.ofSeconds(60),
        Duration.ofMillis(100));
    await().until(transport::isReady);
    transport.subscribe(List.of("work"), "group", (message, replies) -> {
      received.add(message);
      if (message.replyTo() != null) {
        replies.send(message.reply(message.body()));
      }
    });
  }

  @AfterEach
  void close() {
    transport.close();
  }

  @Test
  void plainClientGetsItsReply() throws Exception {
    try (Connection client = Nats.connect(server.url())) {
      Headers headers = new Headers().add("Name", "1", "2").add("Empty", "");
      assertThat(client.request("work", headers, "body".getBytes(UTF_8), Duration.ofSeconds(5)).getData())
          .asString(UTF_8).isEqualTo("body");
    }
    assertThat(take().headers()).isEqualTo(Map.of("Name", List.of("1", "2"), "Empty", List.of("")));
  }

  @ParameterizedTest
  @CsvSource(nullValues = "none", value = {"Name: v,v", "Name:v,v", "Name:  v  ,v", "Name:,''", "Name: a:b,a:b"})
  void readableHeaderIsReceived(String line, String value) throws Exception {
    send("NATS/1.0\r\n" + line + "\r\n\r\n");
    assertThat(take().headers()).isEqualTo(Map.of("Name", List.of(value)));
  }

  @Test
  void messageWithoutHeadersIsReceived() throws Exception {
    send("NATS/1.0\r\n\r\n");
    assertThat(take().headers()).isEmpty();
  }

  /** As headers of the names that other clients have for it. */
  @ParameterizedTest
  @CsvSource({"503,503,No Responders Available For Request", "100 Idle Heartbeat,100,Idle Heartbeat"})
  void statusIsReceived(String line, String status, String description) throws Exception {
    send("NATS/1.0 " + line + "\r\n\r\n"); // jnats drops the body
    assertThat(take()).extracting(BrokerMessage::subject, BrokerMessage::replyTo, BrokerMessage::headers)
        .containsExactly("work", null, Map.of("Status", List.of(status), "Description", List.of(description)));
  }

  @ParameterizedTest
  @CsvSource(nullValues = "none", value = {"Name: \u00c3\u00bc,Name,\u00fc", "N\u00c3\u00a4me: v,N\u00e4me,v",
      "Name: \u00ff,Name,\ufffd", "a b: blank,a b,blank", "Name: \u0001,Name,\u0001"})
  void headerBeyondAsciiIsReceivedAsUtf8(String line, String name, String value) throws Exception {
    send("NATS/1.0\r\n" + line + "\r\nOther: o\r\n\r\n");
    assertThat(take()).isEqualTo(
        new BrokerMessage("work", "x".getBytes(UTF_8), null, Map.of(name, List.of(value), "Other", List.of("o"))));
    assertThatNobodyNoticed();
  }

  @ParameterizedTest
  @ValueSource(strings = {"NATS/1.0\r\nNo colon\r\n\r\n", "NATS/1.0\r\n: no name\r\n\r\n", "NATS/1.0\r\nNo end",
      "NATS/2.0\r\n\r\n", "nonsense", "NATS/1.0", "NATS/1.0 \u00ff\r\n\r\n", "\r\n\r\n"})
  void headersThatAreNoneCostNoMoreThanThemselves(String headers) throws Exception {
    send(headers);
    assertThat(take()).isEqualTo(new BrokerMessage("work", "x".getBytes(UTF_8)));
    assertThatNobodyNoticed();
  }

  @Test
  void replyWithAHeaderBeyondAsciiReachesItsRequester() throws Exception {
    try (NatsTransport requester = NatsTransport.open(Options.builder().server(server.url()).build(),
            Duration.ofSeconds(60), Duration.ofMillis(100));
        Socket worker = new Socket("127.0.0.1", server.port())) {
      await().until(requester::isReady);
      worker.setSoTimeout(5000);
      BufferedReader in = new BufferedReader(new InputStreamReader(worker.getInputStream(), ISO_8859_1));
      worker.getOutputStream().write("CONNECT {\"verbose\":false,\"headers\":true}\r\nSUB micro 1\r\nPING\r\n"
          .getBytes(ISO_8859_1));
      assertThat(in.readLine()).startsWith("INFO");
      assertThat(in.readLine()).isEqualTo("PONG");
      CompletableFuture<BrokerMessage> reply = CompletableFuture.supplyAsync(
          () -> requester.request(new BrokerMessage("micro", EMPTY), Duration.ofSeconds(5)));
      String replyTo = in.readLine().split(" ")[3];
      byte[] headers = "NATS/1.0\r\nNats-Service-Error: Gr\u00f6\u00dfe fehlt\r\nNats-Service-Error-Code: 400\r\n\r\n"
          .getBytes(UTF_8);
      worker.getOutputStream().write(("HPUB " + replyTo + " " + headers.length + " " + headers.length + "\r\n")
          .getBytes(ISO_8859_1));
      worker.getOutputStream().write(headers);
      worker.getOutputStream().write("\r\n".getBytes(ISO_8859_1));
      assertThat(reply.get(5, SECONDS).headers()).isEqualTo(Map.of(
          "Nats-Service-Error", List.of("Gr\u00f6\u00dfe fehlt"), "Nats-Service-Error-Code", List.of("400")));
    }
  }

  @Test
  void acknowledgementOfAStreamThatCoversTheSubjectIsNoReply(@TempDir Path directory) throws Exception {
    try (NatsServer server = NatsServer.start("-js", "-sd", directory.toString());
        Connection client = Nats.connect(server.url());
        NatsTransport transport = NatsTransport.open(Options.builder().server(server.url()).build(),
            Duration.ofSeconds(60), Duration.ofMillis(100))) {
      client.jetStreamManagement().addStream(StreamConfiguration.builder().name("TASKS").subjects("tasks.>")
          .storageType(StorageType.Memory).build());
      await().until(transport::isReady);
      assertThatExceptionOfType(BrokerException.class)
          .isThrownBy(() -> transport.request(new BrokerMessage("tasks.nobody", EMPTY), Duration.ofMillis(300)))
          .extracting(BrokerException::reason).isEqualTo(BrokerException.Reason.TIMEOUT);
      transport.subscribe(List.of("tasks.echo"), "group", (message, replies) ->
          replies.send(message.reply(message.body())));
      for (int i = 0; i < 20; i++) {
        assertThat(transport.request(BrokerMessage.of("tasks.echo", "mine"), Duration.ofSeconds(5)).text())
            .isEqualTo("mine");
      }
      assertThat(client.jetStreamManagement().getStreamInfo("TASKS").getStreamState().getMsgCount()).isEqualTo(21);
    }
  }

  private void assertThatNobodyNoticed() {
    assertThat(transport.request(new BrokerMessage("work", EMPTY), Duration.ofSeconds(5)).body()).isEmpty();
    assertThat(transport.statistics().getReconnects()).isZero();
  }

  /** Sends a message of the body {@code x} with just these bytes as headers. */
  private static void send(String headers) throws IOException {
    try (Socket socket = new Socket("127.0.0.1", server.port())) {
      socket.setSoTimeout(5000);
      socket.getOutputStream().write(("CONNECT {\"verbose\":false,\"headers\":true}\r\nHPUB work " + headers.length()
          + " " + (headers.length() + 1) + "\r\n" + headers + "x\r\nPING\r\n").getBytes(ISO_8859_1));
      BufferedReader reader = new BufferedReader(new InputStreamReader(socket.getInputStream(), ISO_8859_1));
      assertThat(reader.readLine()).startsWith("INFO");
      assertThat(reader.readLine()).isEqualTo("PONG");
    }
  }

  private BrokerMessage take() throws InterruptedException {
    return received.take();
  }
}
