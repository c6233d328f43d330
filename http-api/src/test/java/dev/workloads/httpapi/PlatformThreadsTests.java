package dev.workloads.httpapi;

import static org.assertj.core.api.Assertions.assertThat;

import dev.workloads.messaging.BrokerMessage;
import dev.workloads.messaging.testing.Stopwatch;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Where threads are few, slow clients must not hold them. */
class PlatformThreadsTests {

  private static final int THREADS = 10;
  private static final int SLOW_CLIENTS = 4 * THREADS;

  @RegisterExtension
  static final HttpApi api = HttpApi.with("spring.threads.virtual.enabled=false",
      "server.tomcat.threads.max=" + THREADS, "task.request-timeout=15s", "task.body-timeout=15s");

  private final List<Connection> clients = new ArrayList<>();

  @AfterEach
  void disconnect() throws IOException {
    for (Connection client : clients) {
      client.close();
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {
      "POST /ta",
      "POST /task HTTP/1.1\r\nHost: te",
      "POST /task HTTP/1.1\r\nHost: test\r\nContent-Length: 100\r\n\r\n",
      "POST /task HTTP/1.1\r\nHost: test\r\nContent-Length: 100\r\n\r\n{",
      "POST /task HTTP/1.1\r\nHost: test\r\nContent-Length: 100\r\nExpect: 100-continue\r\n\r\n",
      "POST /task HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n",
      "POST /task HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n1",
      "POST /task HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n10\r\n{",
      "POST /task HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n0\r\n"})
  void halfSentRequestsDoNotStopOthers(String part) throws IOException {
    for (int i = 0; i < SLOW_CLIENTS; i++) {
      connect().send(part);
    }

    assertOthersAreServed();
  }

  @ParameterizedTest
  @ValueSource(strings = {
      "POST /x HTTP/1.1\r\nHost: test\r\nContent-Length: 1000000\r\n\r\n{",
      "POST /x HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n10\r\n{",
      "GET /x HTTP/1.1\r\nHost: test\r\nContent-Length: 1000000\r\n\r\n",
      "PUT /task HTTP/1.1\r\nHost: test\r\nContent-Length: 1000000\r\n\r\n{",
      "PUT /task HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n",
      "POST /%zz HTTP/1.1\r\nHost: test\r\nContent-Length: 1000000\r\n\r\n{",
      "POST /WEB-INF/x HTTP/1.1\r\nHost: test\r\nContent-Length: 1000000\r\n\r\n{",
      "POST /task HTTP/1.1\r\nHost: test\r\nContent-Length: 10000000\r\n\r\n{"})
  void clientThatWasAnsweredEarlyIsCutOffAndHoldsNoThread(String part) throws IOException {
    for (int i = 0; i < SLOW_CLIENTS; i++) {
      assertThat(connect().send(part).answer().status()).isBetween(400, 499);
    }

    assertOthersAreServed();
    Stopwatch watch = Stopwatch.start();
    for (Connection client : clients) {
      assertThat(client.rest()).isEmpty();
    }
    watch.assertLessThan(Duration.ofSeconds(5));
  }

  @Test
  void aTenthOfTheThreadsStaysFreeToRefuse() throws Exception {
    BlockingQueue<BrokerMessage> received = api.silent("tasks.slow");
    for (int i = 0; i < THREADS - 1; i++) {
      connect().send(HttpApi.taskRequest(HttpApi.json("slow", "x")));
    }
    List<BrokerMessage> messages = new ArrayList<>();
    for (int i = 0; i < THREADS - 1; i++) {
      messages.add(received.take());
    }

    assertThat(api.task("slow", "x").reason()).isEqualTo("overloaded");
    assertThat(api.get(api.port(), "/x").status()).isEqualTo(404);

    messages.forEach(message -> api.publish(message.reply(message.body())));
    for (Connection client : clients) {
      assertThat(client.answer().status()).isEqualTo(200);
    }
  }

  private void assertOthersAreServed() throws IOException {
    api.echo("echo");
    Stopwatch watch = Stopwatch.start();
    for (int i = 0; i < THREADS; i++) {
      assertThat(api.task("echo", "x").text()).isEqualTo("x");
    }
    watch.assertLessThan(Duration.ofSeconds(5));
  }

  private Connection connect() throws IOException {
    Connection client = api.connect();
    clients.add(client);
    return client;
  }
}
