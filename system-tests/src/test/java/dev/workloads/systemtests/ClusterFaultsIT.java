package dev.workloads.systemtests;

import static org.assertj.core.api.Assertions.assertThat;

import dev.workloads.messaging.test.NatsServer;
import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
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

/** A cluster of three brokers whose nodes die, or leave one after the other. */
@TestMethodOrder(MethodOrderer.OrderAnnotation.class) // at first both apps are on the same node
@Tag("alone")
@ParameterizedClass
@MethodSource("dev.workloads.systemtests.WorkerKind#tried")
class ClusterFaultsIT {

  private static final int SIZE = 3;
  // To each of the others; since nats-server 2.10 that is a pool of three, and one for the system account
  private static final int POOLED_ROUTES = 4 * (SIZE - 1);
  private static final int ROUTES = SIZE - 1;

  private static final List<NatsServer> NODES = new ArrayList<>();
  private static final List<Integer> MONITORING = new ArrayList<>();
  private static Pair pair;

  @Parameter
  private WorkerKind kind;

  @BeforeAll
  static void startCluster(@TempDir Path directory) throws IOException {
    List<Integer> ports = IntStream.range(0, SIZE).mapToObj(i -> App.freePort()).toList();
    String routes = ports.stream().map(port -> "nats://127.0.0.1:" + port).collect(Collectors.joining(","));
    // After the grace period the server closes one connection a second; less than 30 s in all it does not accept
    Path configuration = Files.writeString(directory.resolve("nats.conf"),
        "lame_duck_grace_period: 1s\nlame_duck_duration: 30s\n");
    for (int port : ports) {
      int monitoring = App.freePort();
      MONITORING.add(monitoring);
      NODES.add(NatsServer.start("-c", configuration.toString(), "-m", Integer.toString(monitoring), "--cluster_name",
          "test", "--cluster", "nats://127.0.0.1:" + port, "--routes", routes));
    }
    awaitRoutes();
  }

  @AfterAll
  static void stopCluster() {
    NODES.forEach(NatsServer::close);
  }

  @BeforeParameterizedClassInvocation
  static void start(WorkerKind kind) {
    pair = Pair.start(kind, NODES.get(0).url()).awaitReady();
  }

  @AfterParameterizedClassInvocation
  static void stop() {
    pair.close();
  }

  @Test
  @Order(1)
  void killOfTheNodeOfBothAppsFailsNoMoreThanWasUnderWay() {
    for (int round = 0; round < Bounds.ROUNDS; round++) {
      if (round > 0) {
        bringBothToTheFirstNode();
      }
      assertThat(pair.worker().natsServer()).isEqualTo(NODES.get(0).url());
      assertThat(pair.httpApi().natsServer()).isEqualTo(NODES.get(0).url());
      try (Load load = Load.start(kind, pair.httpApi())) {
        load.awaitRight(500);
        NODES.get(0).kill();
        Tally before = load.next();
        Tally fresh = newCallers();
        load.awaitRight(500);
        Tally after = load.stop();

        System.out.printf("%s: SIGKILL of the node of both apps: begun before: %s; after: %s; new callers: %s, first"
            + " success after %d ms%n", kind, before, after, fresh, fresh.firstSuccessMillis());
        for (Tally tally : List.of(before, after, fresh)) {
          tally.requireOnly("timeout", "broker-unavailable", "no-responders");
        }
        assertThat(before.failed() + after.failed()).isLessThanOrEqualTo(2 * 32);
        assertThat(fresh.firstSuccessMillis()).isBetween(0L, 1000L + Bounds.SLACK_MILLIS);
      }
      NODES.get(0).startAgain();
      awaitRoutes();
    }
  }

  // One every 10 ms, each over a connection of its own: those of the load may all wait for a request that the node took
  // along, where the machine is slow, and would have no success for 5 s
  private Tally newCallers() {
    try (Load load = Load.start(kind, 100, 100, id -> "new caller " + id, pair.httpApi())) {
      load.awaitRight(50);
      return load.stop();
    }
  }

  private static void bringBothToTheFirstNode() {
    for (App app : List.of(pair.worker(), pair.httpApi())) {
      app.kill();
      app.startAgain();
    }
    pair.awaitReady();
  }

  @Test
  @Order(2)
  void lameDuckOfEachNodeInTurnFailsNoRequest() {
    try (Load load = Load.start(kind, pair.httpApi())) {
      for (int round = 0; round < Bounds.ROUNDS; round++) {
        for (NatsServer node : NODES) {
          load.awaitRight(500);
          node.signal("USR2");
          Awaitility.await().atMost(Duration.ofSeconds(60)).until(() -> !node.isAlive());
          node.startAgain();
          awaitRoutes();
        }
      }
      load.awaitRight(500);
      Tally tally = load.stop();

      System.out.printf("%s: lame duck of each of %d nodes, %d times round: %s%n", kind, SIZE, Bounds.ROUNDS, tally);
      tally.requireOnly();
    }
  }

  private static void awaitRoutes() {
    for (int port : MONITORING) {
      Awaitility.await().ignoreExceptions().until(() -> {
        int expected = monitoring(port, "varz").contains("\"pool_size\"") ? POOLED_ROUTES : ROUTES;
        return monitoring(port, "routez").contains("\"num_routes\": " + expected);
      });
    }
  }

  private static String monitoring(int port, String page) throws IOException, InterruptedException {
    HttpRequest request = HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + "/" + page)).build();
    return HttpClient.newHttpClient().send(request, HttpResponse.BodyHandlers.ofString()).body();
  }
}
