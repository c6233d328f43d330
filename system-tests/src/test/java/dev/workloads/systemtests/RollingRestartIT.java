package dev.workloads.systemtests;

import dev.workloads.messaging.testing.NatsServer;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/** Rolling restarts under load fail no request, as long as one replica of each is up. */
@Tag("faults")
class RollingRestartIT {

  private static final int ROUNDS = Integer.getInteger("faults.rounds", 1);

  private static NatsServer nats;

  @BeforeAll
  static void start() {
    nats = NatsServer.start();
  }

  @AfterAll
  static void stop() {
    nats.close();
  }

  @Test
  void restartOfTheWorkersFailsNoRequest() {
    try (App first = App.of(TestWorker.class, nats.url());
        App second = App.of(TestWorker.class, nats.url());
        App httpApi = App.httpApi(nats.url()).awaitReady()) {
      restartUnderLoad(List.of(first.awaitReady(), second.awaitReady()), "workers", httpApi);
    }
  }

  @Test
  void restartOfTheHttpApisFailsNoRequest() {
    try (App worker = App.of(TestWorker.class, nats.url());
        App first = App.httpApi(nats.url());
        App second = App.httpApi(nats.url())) {
      worker.awaitReady();
      restartUnderLoad(List.of(first.awaitReady(), second.awaitReady()), "http-apis", first, second);
    }
  }

  private static void restartUnderLoad(List<App> replicas, String what, App... servers) {
    try (Load load = Load.start(servers)) {
      for (int round = 0; round < ROUNDS; round++) {
        for (App replica : replicas) {
          load.awaitRight(500);
          replica.terminate();
          replica.awaitExit();
          replica.startAgain();
          replica.awaitReady();
        }
      }
      load.awaitRight(500);
      Tally tally = load.stop();
      System.out.println("Rolling restart of 2 " + what + ", " + ROUNDS + " times round: " + tally);
      tally.requireOnly();
    }
  }
}
