package dev.workloads.systemtests;

import static org.assertj.core.api.Assertions.assertThat;

import dev.workloads.messaging.testing.NatsServer;
import java.io.IOException;
import java.time.Duration;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** A network between apps and broker that stops carrying anything, without closing connections. */
class NetworkCutIT {

  private static NatsServer nats;
  private static TcpProxy network;
  private static App worker;
  private static App httpApi;

  @BeforeAll
  static void start() throws IOException {
    nats = NatsServer.start();
    network = new TcpProxy(nats.port());
    String[] settings = Bounds.FULL ? new String[0] : new String[] {"--messaging.nats.ping-interval=500ms"};
    worker = App.of(TestWorker.class, network.natsUrl(), settings);
    httpApi = App.httpApi(network.natsUrl(), settings);
    worker.awaitReady();
    httpApi.awaitReady();
  }

  @AfterAll
  static void stop() {
    httpApi.close();
    worker.close();
    network.close();
    nats.close();
  }

  @Test
  void shortCutFailsNoRequest() {
    try (Load load = Load.start(httpApi)) {
      load.awaitRight(500);
      network.cut();
      long cutAt = System.nanoTime();
      Awaitility.await().until(() -> System.nanoTime() - cutAt >= 700_000_000);
      network.mend();
      load.awaitRight(500);
      Tally tally = load.stop();

      System.out.printf("Network cut for 0.7 s: %s, slowest %d ms%n", tally, tally.slowestMillis(Tally.RIGHT));
      tally.requireOnly();
    }
  }

  @Test
  void longCutIsNoticedAndRequestsFailInTimeMeanwhile() {
    try (Load load = Load.start(httpApi)) {
      load.awaitRight(500);
      long cutAt = System.nanoTime();
      network.cut();
      Awaitility.await().atMost(Duration.ofSeconds(40)).pollInterval(Duration.ofMillis(20))
          .until(() -> !httpApi.isConnected() && !worker.isConnected());
      long noticed = (System.nanoTime() - cutAt) / 1_000_000;
      Tally unnoticed = load.next();
      Awaitility.await().atMost(Duration.ofSeconds(30)).until(() -> load.tally().count("broker-unavailable") >= 200);
      network.mend();
      Tally down = load.next();
      load.awaitRight(500);
      Tally after = load.stop();

      System.out.printf("Network cut without a close: noticed after %d ms; begun before: %s, slowest timeout %d ms; then:"
          + " %s, slowest %d ms; after: %s, first success after %d ms%n", noticed, unnoticed,
          unnoticed.slowestMillis("timeout"), down, down.slowestMillis("broker-unavailable"), after,
          after.firstSuccessMillis());
      assertThat(noticed).isLessThan(Bounds.FULL ? 30_000 : 5_000);
      unnoticed.requireOnly("timeout", "broker-unavailable");
      assertThat(unnoticed.slowestMillis("timeout")).isLessThan(Bounds.REQUEST_TIMEOUT_MILLIS + Bounds.SLACK_MILLIS);
      down.requireOnly("broker-unavailable", "no-responders");
      assertThat(down.slowestMillis("broker-unavailable"))
          .isLessThan(Bounds.RETRY_WINDOW_MILLIS + Bounds.SLACK_MILLIS);
      after.requireOnly("broker-unavailable", "no-responders");
      assertThat(after.firstSuccessMillis()).isLessThan(5_000);
    }
  }
}
