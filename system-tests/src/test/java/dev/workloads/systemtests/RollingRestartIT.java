package dev.workloads.systemtests;

import dev.workloads.messaging.test.NatsServer;
import java.util.List;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Rolling restarts under load fail no request, as long as one replica of each is up. */
@Tag("alone")
@Tag("faults")
class RollingRestartIT {

  @AutoClose
  private static final NatsServer NATS = NatsServer.start();

  @ParameterizedTest
  @MethodSource("dev.workloads.systemtests.WorkerKind#tried")
  void restartOfTheWorkersFailsNoRequest(WorkerKind kind) {
    try (App first = kind.start(NATS.url());
        Pair pair = Pair.start(kind, NATS.url()).awaitReady()) {
      restartUnderLoad(kind, List.of(first.awaitReady(), pair.worker()), "workers", pair.httpApi());
    }
  }

  @ParameterizedTest
  @MethodSource("dev.workloads.systemtests.WorkerKind#tried")
  void restartOfTheHttpApisFailsNoRequest(WorkerKind kind) {
    try (App first = App.httpApi(NATS.url());
        Pair pair = Pair.start(kind, NATS.url()).awaitReady()) {
      restartUnderLoad(kind, List.of(first.awaitReady(), pair.httpApi()), "http-apis", first, pair.httpApi());
    }
  }

  private static void restartUnderLoad(WorkerKind kind, List<App> replicas, String what, App... servers) {
    try (Load load = Load.start(kind, servers)) {
      for (int round = 0; round < Bounds.ROUNDS; round++) {
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
      System.out.printf("%s: rolling restart of 2 %s, %d times round: %s%n", kind, what, Bounds.ROUNDS, tally);
      tally.requireOnly();
    }
  }
}
