package dev.workloads.systemtests;

import static org.assertj.core.api.Assertions.assertThat;

import dev.workloads.messaging.testing.NatsServer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.io.TempDir;

/** One broker that is not there yet, refuses the login, or dies and returns. */
@TestMethodOrder(MethodOrderer.OrderAnnotation.class) // the apps of the first test go on in the second
class BrokerFaultsIT {

  private static final Duration DOWN = Duration.ofSeconds(3);

  @TempDir
  private static Path directory;
  private static int port;
  private static NatsServer nats;
  private static App worker;
  private static App httpApi;

  @BeforeAll
  static void start() {
    port = App.freePort();
    String url = "nats://127.0.0.1:" + port;
    worker = App.of(TestWorker.class, url, "--worker.record=" + directory.resolve("executed"));
    httpApi = App.httpApi(url);
  }

  @AfterAll
  static void stop() {
    httpApi.close();
    worker.close();
    if (nats != null) {
      nats.close();
    }
  }

  @Test
  @Order(1)
  void appsThatStartBeforeTheBrokerAreReadyOnceItIsThere() {
    worker.awaitLiveButNotReady();
    httpApi.awaitLiveButNotReady();
    nats = NatsServer.start(port);
    long millis = millisUntilReady(worker, httpApi);

    System.out.printf("NATS down when both apps start: ready %d ms after its appearance%n", millis);
    assertThat(millis).isLessThan(1000 + Bounds.SLACK_MILLIS);
  }

  private static long millisUntilReady(App... apps) {
    long begin = System.nanoTime();
    List.of(apps).forEach(App::awaitReady);
    return (System.nanoTime() - begin) / 1_000_000;
  }

  @Test
  @Order(2)
  void killedBrokerFailsRequestsSoonAndNoneThatIsExecuted() throws IOException {
    for (int i = 0; i < Bounds.ROUNDS; i++) {
      String round = "round " + i + " request ";
      // Enough connections that not all of them wait for what was under way
      try (Load load = Load.start(160, 600, id -> round + id, httpApi)) {
        load.awaitRight(500);
        killAndStartAgain(load);
      }
    }
  }

  private static void killAndStartAgain(Load load) throws IOException {
    nats.kill();
    long killedAt = System.nanoTime();
    Awaitility.await().pollDelay(Duration.ZERO).pollInterval(Duration.ofMillis(5)).until(() -> !httpApi.isConnected());
    Tally before = load.next();
    Awaitility.await().until(() -> System.nanoTime() - killedAt >= DOWN.toNanos());
    nats.startAgain();
    Tally down = load.next();
    load.awaitRight(500);
    Tally after = load.stop();

    System.out.printf("nats-server SIGKILL, down %d s: begun before it was noticed: %s; while down: %s, slowest %d ms;"
        + " after: %s, first success after %d ms%n", DOWN.toSeconds(), before, down,
        down.slowestMillis("broker-unavailable"), after, after.firstSuccessMillis());
    // What was handed to the connection just before goes to the server that comes back, maybe before the worker does
    before.requireOnly("timeout", "broker-unavailable", "no-responders");
    down.requireOnly("broker-unavailable", "no-responders");
    after.requireOnly("broker-unavailable", "no-responders");
    assertThat(down.count("broker-unavailable")).isPositive();
    assertThat(down.slowestMillis("broker-unavailable")).isLessThan(Bounds.RETRY_WINDOW_MILLIS + Bounds.SLACK_MILLIS);
    assertThat(after.firstSuccessMillis()).isBetween(0L, 1000L);
    List<String> executed = Files.readAllLines(directory.resolve("executed"));
    assertThat(executed).doesNotHaveDuplicates();
    for (Tally tally : List.of(before, down, after)) {
      assertThat(tally.texts("broker-unavailable")).doesNotContainAnyElementsOf(executed);
    }
  }

  @Test
  @Order(3)
  void appsWithAWrongPasswordAreReadyOnceTheServerAcceptsIt() throws IOException {
    Path configuration = directory.resolve("nats.conf");
    allow(configuration, "another");
    String[] login = {"--messaging.nats.username=app", "--messaging.nats.password=secret"};
    try (NatsServer server = NatsServer.start("-c", configuration.toString());
        App worker = App.of(TestWorker.class, server.url(), login);
        App httpApi = App.httpApi(server.url(), login)) {
      List<Long> millis = new ArrayList<>();
      for (App app : List.of(worker, httpApi)) {
        awaitRefused(app.awaitLiveButNotReady());
      }
      allow(configuration, "secret");
      server.signal("HUP");
      millis.add(millisUntilReady(worker, httpApi));

      // jnats gives up a connection whose login is refused twice
      allow(configuration, "another");
      server.signal("HUP");
      for (App app : List.of(worker, httpApi)) {
        awaitRefused(app);
        assertThat(app.liveness()).isEqualTo(200);
      }
      allow(configuration, "secret");
      long begin = System.nanoTime();
      server.signal("HUP");
      Awaitility.await().pollInterval(Duration.ofMillis(20))
          .until(() -> worker.isConnected() && httpApi.isConnected());
      millis.add((System.nanoTime() - begin) / 1_000_000);

      System.out.printf("Wrong password at start, and again later: back %s ms after its correction%n", millis);
      // The longest pause between two attempts
      assertThat(millis).allMatch(time -> time < 500 + Bounds.SLACK_MILLIS);
      assertThat(httpApi.post("{\"payload\": \"echo\"}").body()).isEqualTo("echo");
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
