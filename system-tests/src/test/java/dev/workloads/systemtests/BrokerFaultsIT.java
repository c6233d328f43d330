package dev.workloads.systemtests;

import static org.assertj.core.api.Assertions.assertThat;

import dev.workloads.messaging.test.NatsServer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.AfterParameterizedClassInvocation;
import org.junit.jupiter.params.BeforeParameterizedClassInvocation;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.MethodSource;

/** One broker that is not there yet, refuses the login, or dies and returns. */
@TestMethodOrder(MethodOrderer.OrderAnnotation.class) // the apps of the first test go on in the second
@Tag("alone")
@ParameterizedClass
@MethodSource("dev.workloads.systemtests.WorkerKind#tried")
class BrokerFaultsIT {

  private static final Duration DOWN = Duration.ofSeconds(3);

  private static int port;
  private static Wiretap wiretap;
  private static Pair pair;
  private static NatsServer nats;

  @Parameter
  private WorkerKind kind;

  @BeforeParameterizedClassInvocation
  static void start(WorkerKind kind) {
    port = App.freePort();
    wiretap = new Wiretap(port);
    pair = new Pair(kind.start(wiretap.natsUrl()), App.httpApi("nats://127.0.0.1:" + port));
  }

  @AfterParameterizedClassInvocation
  static void stop() {
    pair.close();
    wiretap.close();
    if (nats != null) {
      nats.close();
    }
  }

  @Test
  @Order(1)
  void appsThatStartBeforeTheBrokerAreReadyOnceItIsThere() {
    pair.worker().awaitLiveButNotReady();
    pair.httpApi().awaitLiveButNotReady();
    nats = NatsServer.start(port);
    long millis = millisUntilReady(pair);

    System.out.printf("%s: NATS down when both apps start: ready %d ms after its appearance%n", kind, millis);
    assertThat(millis).isLessThan(1000 + Bounds.SLACK_MILLIS);
  }

  private static long millisUntilReady(Pair pair) {
    long begin = System.nanoTime();
    pair.awaitReady();
    return (System.nanoTime() - begin) / 1_000_000;
  }

  @Test
  @Order(2)
  void killedBrokerFailsRequestsSoonAndNoneThatIsExecuted() {
    for (int i = 0; i < Bounds.ROUNDS; i++) {
      String round = "round " + i + " request ";
      try (Load load = Load.start(kind, 64, 600, id -> round + id, pair.httpApi())) {
        load.awaitRight(1000); // the first second of new JVMs is over
        killAndStartAgain(load);
      }
    }
  }

  private void killAndStartAgain(Load load) {
    nats.kill();
    long killedAt = System.nanoTime();
    Awaitility.await().pollDelay(Duration.ZERO).pollInterval(Duration.ofMillis(5))
        .until(() -> !pair.httpApi().isConnected());
    Tally before = load.next();
    Tally down;
    try (Load late = Load.burst(kind, 32, pair.httpApi())) { // the others may all wait for what was under way
      down = late.stop();
    }
    Bounds.awaitElapsed(killedAt, DOWN);
    nats.startAgain();
    Tally cut = load.next();
    load.awaitRight(500);
    Tally after = load.stop();

    System.out.printf("%s: nats-server SIGKILL, down %d s: begun before it was noticed: %s; while down: %s, slowest "
        + "%d ms; after: %s, first success after %d ms%n", kind, DOWN.toSeconds(), before, down,
        down.slowestMillis("broker-unavailable"), after, after.firstSuccessMillis());
    // What was handed to the connection just before goes to the server that comes back, maybe before the worker does
    before.requireOnly("timeout", "broker-unavailable", "no-responders");
    down.requireOnly("broker-unavailable");
    cut.requireOnly("broker-unavailable", "no-responders");
    after.requireOnly("broker-unavailable", "no-responders");
    assertThat(down.count("broker-unavailable")).isPositive();
    assertThat(down.slowestMillis("broker-unavailable")).isLessThan(Bounds.RETRY_WINDOW_MILLIS + Bounds.SLACK_MILLIS);
    assertThat(after.firstSuccessMillis()).isBetween(0L, 1000L + Bounds.SLACK_MILLIS);
    List<String> received = wiretap.received();
    assertThat(received).hasSizeGreaterThan(1000).doesNotHaveDuplicates();
    for (Tally tally : List.of(before, down, cut, after)) {
      assertThat(tally.texts("broker-unavailable")).doesNotContainAnyElementsOf(received);
    }
  }

  @Test
  @Order(3)
  void appsWithAWrongPasswordAreReadyOnceTheServerAcceptsIt(@TempDir Path directory) throws IOException {
    Path configuration = directory.resolve("nats.conf");
    allow(configuration, "another");
    String[] login = {"--messaging.nats.username=app", "--messaging.nats.password=secret"};
    try (NatsServer server = NatsServer.start("-c", configuration.toString());
        Pair pair = Pair.start(kind, server.url(), login)) {
      List<Long> millis = new ArrayList<>();
      for (App app : List.of(pair.worker(), pair.httpApi())) {
        awaitRefused(app.awaitLiveButNotReady());
      }
      allow(configuration, "secret");
      server.signal("HUP");
      millis.add(millisUntilReady(pair));

      // jnats gives up a connection whose login is refused twice
      allow(configuration, "another");
      server.signal("HUP");
      for (App app : List.of(pair.worker(), pair.httpApi())) {
        awaitRefused(app);
        assertThat(app.liveness()).isEqualTo(200);
      }
      allow(configuration, "secret");
      long begin = System.nanoTime();
      server.signal("HUP");
      Awaitility.await().pollInterval(Duration.ofMillis(20))
          .until(() -> pair.worker().isConnected() && pair.httpApi().isConnected());
      millis.add((System.nanoTime() - begin) / 1_000_000);

      System.out.printf("%s: wrong password at start, and again later: back %s ms after its correction%n", kind,
          millis);
      // The longest pause between two attempts
      assertThat(millis).allMatch(time -> time < 500 + Bounds.SLACK_MILLIS);
      assertThat(pair.httpApi().post("{\"payload\": \"hello\"}").body()).isEqualTo(kind.answer("hello"));
    }
  }

  private static void awaitRefused(App app) {
    Awaitility.await().pollInterval(Duration.ofMillis(20))
        .until(() -> app.health().toLowerCase(Locale.ROOT).contains("authorization"));
  }

  private static void allow(Path configuration, String password) throws IOException {
    Files.writeString(configuration, "authorization: {user: app, password: %s}%n".formatted(password));
  }
}
