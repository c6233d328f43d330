package dev.workloads.httpapi;

import static org.assertj.core.api.Assertions.assertThat;

import dev.workloads.messaging.testing.Stopwatch;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.time.Duration;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** The application as it starts where there is no broker yet. */
class BrokerDownTests {

  private static HttpApi api;
  private static int port;

  @BeforeAll
  static void start() throws IOException {
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      port = socket.getLocalPort();
    }
    api = HttpApi.over(null, "messaging.nats.servers=nats://user:secret@127.0.0.1:" + port);
  }

  @AfterAll
  static void stop() {
    api.context().close();
  }

  @Test
  void taskIsRefusedSoon() throws IOException {
    Stopwatch watch = Stopwatch.start();

    Answer answer = api.task("w", "x");

    assertThat(answer.status()).isEqualTo(502);
    assertThat(answer.reason()).isEqualTo("broker-unavailable");
    assertThat(answer.text()).doesNotContain("secret", "127.0.0.1", Integer.toString(port));
    watch.assertLessThan(Duration.ofSeconds(2));
  }

  @Test
  void applicationIsLiveAndNotReady() throws IOException {
    assertThat(api.get(api.managementPort(), "/actuator/health/liveness").status()).isEqualTo(200);
    assertThat(api.get(api.managementPort(), "/actuator/health/readiness").status()).isEqualTo(503);
  }

  @Test
  void healthNamesTheCauseWithoutTheCredentials() throws IOException {
    Answer answer = api.get(api.managementPort(), "/actuator/health");

    assertThat(answer.status()).isEqualTo(503);
    assertThat(answer.json().at("/components/nats/status").asString()).isEqualTo("DOWN");
    assertThat(answer.text()).doesNotContain("secret");
  }
}
