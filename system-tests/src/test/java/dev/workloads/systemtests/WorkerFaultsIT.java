package dev.workloads.systemtests;

import static org.assertj.core.api.Assertions.assertThat;

import dev.workloads.messaging.BrokerMessage;
import dev.workloads.messaging.MessagingClient;
import dev.workloads.messaging.nats.NatsTransport;
import dev.workloads.messaging.testing.NatsServer;
import io.nats.client.Options;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Workers that end, die or freeze. */
@Tag("faults")
class WorkerFaultsIT {

  private static final int BURST = 2000;
  private static final Duration BURST_TIMEOUT = Duration.ofMillis(1500);

  @TempDir
  private static Path directory;
  private static NatsServer nats;
  private static App draining;
  private static App healthy;
  private static App faulty;
  private static App httpApi;
  private static NatsTransport transport;
  private static MessagingClient client;

  @BeforeAll
  static void start() {
    nats = NatsServer.start();
    draining = App.of(TestWorker.class, nats.url(), "--messaging.subscriptions=drain", "--worker.delay=500",
        "--messaging.max-in-flight=100", "--messaging.queue-capacity=300");
    healthy = worker("healthy");
    faulty = worker("faulty");
    httpApi = App.httpApi(nats.url());
    transport = new NatsTransport(new Options.Builder().server(nats.url()).build(), Duration.ofSeconds(5),
        Duration.ofMillis(100));
    client = new MessagingClient(transport, Duration.ZERO);
    List.of(draining, healthy, faulty, httpApi).forEach(App::awaitReady);
  }

  private static App worker(String name) {
    return App.of(TestWorker.class, nats.url(), "-Xmx64m", "--messaging.max-in-flight=50", "--worker.delay=20",
        "--messaging.queue-capacity=2000", "--worker.record=" + directory.resolve(name));
  }

  @AfterAll
  static void stop() {
    transport.close();
    List.of(httpApi, faulty, healthy, draining).forEach(App::close);
    nats.close();
  }

  @Test
  void terminatedWorkerAnswersAllItHasBeforeItExits() {
    ExecutorService threads = Executors.newFixedThreadPool(400);
    try {
      request("drain", "warm-up");
      List<CompletableFuture<String>> answers = IntStream.range(0, 400)
          .mapToObj(i -> CompletableFuture.supplyAsync(() -> request("drain", "message " + i), threads)).toList();
      Map<String, Double> held = Awaitility.await().pollDelay(Duration.ZERO).pollInterval(Duration.ofMillis(10))
          .until(() -> draining.metrics("messaging_in_flight", "messaging_queued"),
              // All have arrived: on a slow machine some may have been answered already
              now -> now.get("messaging_in_flight") == 100
                  && now.get("messaging_queued") + 100 + answers.stream().filter(Future::isDone).count() >= 400);
      long begin = System.nanoTime();
      draining.terminate();
      draining.awaitExit();
      long millis = (System.nanoTime() - begin) / 1_000_000;

      CompletableFuture.allOf(answers.toArray(CompletableFuture[]::new)).join();
      long right = IntStream.range(0, 400).filter(i -> answers.get(i).join().equals("message " + i)).count();
      System.out.printf("SIGTERM to a worker with %s: %d of 400 answered, exit after %d ms%n", held, right, millis);
      assertThat(right).isEqualTo(400);
    } finally {
      threads.shutdownNow();
    }
  }

  private static String request(String subject, String text) {
    byte[] body = text.getBytes(StandardCharsets.UTF_8);
    return new String(client.request(subject, body, Duration.ofSeconds(20)).body(), StandardCharsets.UTF_8);
  }

  @Test
  void killOfOneWorkerFailsOnlyWhatItHeld() throws IOException {
    try (Load load = Load.start(httpApi)) {
      load.awaitRight(500);
      faulty.kill();
      Tally held = load.next();
      load.awaitRight(500);
      Tally after = load.stop();

      System.out.printf("SIGKILL of one of 2 workers: begun before: %s; begun after: %s%n", held, after);
      held.requireOnly("timeout");
      assertThat(held.count("timeout")).isLessThanOrEqualTo(32); // no more were under way
      assertThat(held.texts("timeout")).doesNotContainAnyElementsOf(executed("healthy"));
      after.requireOnly();
    } finally {
      faulty.startAgain();
      faulty.awaitReady();
    }
  }

  @Test
  void frozenWorkerDoesNotHarmAHealthyOneAndDropsWhatExpired() throws IOException {
    // Half of the requests wait for the frozen worker until they time out: enough threads and connections for them
    try (App httpApi = App.httpApi(nats.url(), "--task.request-timeout=1s", "--server.tomcat.threads.max=600")
            .awaitReady();
        Load load = Load.start(384, 500, id -> "frozen " + id, httpApi)) {
      load.awaitRight(500);
      double expiredBefore = faulty.metric("messaging_expired_total");
      burst();
      faulty.signal("STOP");
      long stoppedAt = System.nanoTime();
      Tally before = load.next();
      Awaitility.await().until(() -> System.nanoTime() - stoppedAt > BURST_TIMEOUT.plusSeconds(1).toNanos());
      Tally frozen = load.next();
      faulty.signal("CONT");
      load.awaitRight(500);
      Tally after = load.stop();

      double expired = faulty.metric("messaging_expired_total") - expiredBefore;
      System.out.printf("SIGSTOP of one of 2 workers: begun before: %s; while stopped: %s, right within %d ms (99 %%);"
          + " after SIGCONT: %s; expired in its queue: %.0f%n", before, frozen, frozen.millis(Tally.RIGHT, 0.99), after,
          expired);
      Set<String> notExecuted = notExecuted(before.requireOnly("timeout"), frozen.requireOnly("timeout"),
          after.requireOnly("timeout"));
      assertThat(frozen.texts("timeout")).doesNotContainAnyElementsOf(executed("healthy"));
      assertThat(notExecuted).as("not executed").hasSize((int) expired);
      assertThat(expired).isGreaterThan(100);
      assertThat(faulty.log() + healthy.log()).doesNotContain("OutOfMemoryError");
    }
  }

  // More than two workers do in the time that it takes to stop one of them
  private static void burst() {
    for (int i = 0; i < BURST; i++) {
      client.publish(new BrokerMessage("tasks.test", ("burst " + i).getBytes(StandardCharsets.UTF_8), "nobody",
          Map.of(MessagingClient.REQUEST_TIMEOUT_HEADER, List.of(Long.toString(BURST_TIMEOUT.toMillis())))));
    }
  }

  private static Set<String> notExecuted(Tally... tallies) throws IOException {
    Set<String> texts = IntStream.range(0, BURST).mapToObj(i -> "burst " + i).collect(Collectors.toSet());
    for (Tally tally : tallies) {
      texts.addAll(tally.texts("timeout"));
    }
    texts.removeAll(executed("healthy"));
    texts.removeAll(executed("faulty"));
    return texts;
  }

  /** Returns what the worker has begun to work on. */
  private static Set<String> executed(String worker) throws IOException {
    return new HashSet<>(Files.readAllLines(directory.resolve(worker)));
  }
}
