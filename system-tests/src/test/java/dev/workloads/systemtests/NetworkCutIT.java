package dev.workloads.systemtests;

import static org.assertj.core.api.Assertions.assertThat;

import dev.workloads.messaging.test.NatsServer;
import java.time.Duration;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.AfterParameterizedClassInvocation;
import org.junit.jupiter.params.BeforeParameterizedClassInvocation;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.MethodSource;

/** A network between apps and broker that stops carrying anything, without closing connections. */
@Tag("alone")
@ParameterizedClass
@MethodSource("dev.workloads.systemtests.WorkerKind#tried")
class NetworkCutIT {

  @AutoClose
  private static final NatsServer NATS = NatsServer.start();
  @AutoClose
  private static final TcpProxy NETWORK = new TcpProxy(NATS.port());
  private static Pair pair;

  @Parameter
  private WorkerKind kind;

  @BeforeParameterizedClassInvocation
  static void start(WorkerKind kind) {
    String[] settings = Bounds.FULL ? new String[0] : new String[] {"--messaging.nats.ping-interval=500ms"};
    pair = Pair.start(kind, NETWORK.natsUrl(), settings).awaitReady();
  }

  @AfterParameterizedClassInvocation
  static void stop() {
    pair.close();
  }

  @Test
  void shortCutFailsNoRequest() {
    try (Load load = Load.start(kind, pair.httpApi())) {
      load.awaitRight(500);
      NETWORK.cut();
      Bounds.awaitElapsed(System.nanoTime(), Duration.ofMillis(700));
      NETWORK.mend();
      load.awaitRight(500);
      Tally tally = load.stop();

      System.out.printf("%s: network cut for 0.7 s: %s, slowest %d ms%n", kind, tally,
          tally.slowestMillis(Tally.RIGHT));
      tally.requireOnly();
    }
  }

  @Test
  void longCutIsNoticedAndRequestsFailInTimeMeanwhile() {
    try (Load load = Load.start(kind, pair.httpApi())) {
      load.awaitRight(500);
      long cutAt = System.nanoTime();
      NETWORK.cut();
      Awaitility.await().atMost(Duration.ofSeconds(40)).pollInterval(Duration.ofMillis(20))
          .until(() -> !pair.httpApi().isConnected() && !pair.worker().isConnected());
      long noticed = (System.nanoTime() - cutAt) / 1_000_000;
      Tally unnoticed = load.next();
      Awaitility.await().atMost(Duration.ofSeconds(30)).until(() -> load.tally().count("broker-unavailable") >= 200);
      NETWORK.mend();
      Tally down = load.next();
      load.awaitRight(500);
      Tally after = load.stop();

      System.out.printf("%s: network cut without a close: noticed after %d ms; begun before: %s, slowest timeout %d ms;"
          + " then: %s, slowest %d ms; after: %s, first success after %d ms%n", kind, noticed, unnoticed,
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
