package dev.workloads.messaging.nats;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;
import static java.util.concurrent.TimeUnit.SECONDS;
import static org.assertj.core.api.Assertions.assertThat;

import dev.workloads.messaging.BrokerMessage;
import dev.workloads.messaging.testing.NatsServer;
import io.nats.client.Connection;
import io.nats.client.Nats;
import io.nats.client.Options;
import io.nats.client.impl.Headers;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.Socket;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import org.awaitility.Awaitility;
import org.awaitility.core.ConditionFactory;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
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
    transport = new NatsTransport(Options.builder().server(server.url()).build(), Duration.ofSeconds(60),
        Duration.ofMillis(100));
    await().until(transport::isReady);
    transport.subscribe(List.of("work"), "group", message -> {
      received.add(message);
      if (message.replyTo() != null) {
        transport.publish(message.reply(message.body()));
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

  @ParameterizedTest
  @ValueSource(strings = {"NATS/1.0\r\n\r\n", "NATS/1.0 503\r\n\r\n", "NATS/1.0 100 Idle Heartbeat\r\n\r\n"})
  void messageWithoutHeadersIsReceived(String headers) throws Exception {
    send(headers); // jnats drops the body of a message with a status
    assertThat(take()).extracting(BrokerMessage::subject, BrokerMessage::replyTo, BrokerMessage::headers)
        .containsExactly("work", null, Map.of());
  }

  @ParameterizedTest
  @ValueSource(strings = {"NATS/1.0\r\nName: \u00c3\u00bc\r\n\r\n", "NATS/1.0\r\nName: \u00ff\r\n\r\n",
      "NATS/1.0\r\nNo colon\r\n\r\n", "NATS/1.0\r\n: no name\r\n\r\n", "NATS/1.0\r\na b: blank\r\n\r\n",
      "NATS/1.0\r\nName: a\rb\r\n\r\n", "NATS/1.0\r\nName: no end", "NATS/2.0\r\nName: v\r\n\r\n", "nonsense"})
  void unreadableHeadersCostNoMoreThanAReconnect(String headers) throws Exception {
    send(headers);
    await().until(() -> transport.statistics().getReconnects() == 1 && transport.connectionState().isUp());
    await().untilAsserted(() -> assertThat(
        transport.request(new BrokerMessage("work", EMPTY), Duration.ofSeconds(1)).body()).isEmpty());
    assertThat(take().headers()).isEmpty();
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
    return Objects.requireNonNull(received.poll(5, SECONDS));
  }

  private static ConditionFactory await() {
    return Awaitility.await().pollInterval(Duration.ofMillis(5));
  }
}
