package dev.workloads.systemtests;

import static org.assertj.core.api.Assertions.assertThat;

import dev.workloads.messaging.BrokerException;
import dev.workloads.messaging.BrokerException.Reason;
import dev.workloads.messaging.BrokerMessage;
import dev.workloads.messaging.MessagingClient;
import dev.workloads.messaging.nats.NatsTransport;
import dev.workloads.messaging.test.NatsServer;
import io.nats.client.Options;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.assertj.core.api.Assumptions;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.AfterParameterizedClassInvocation;
import org.junit.jupiter.params.BeforeParameterizedClassInvocation;
import org.junit.jupiter.params.Parameter;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.MethodSource;

/** Workers that end, die or freeze. */
@Tag("alone")
@Tag("faults")
@ParameterizedClass
@MethodSource("dev.workloads.systemtests.WorkerKind#tried")
class WorkerFaultsIT {

  private static final int HELD = 400;
  private static final int FLOODING = 64;
  private static final Duration BURST_TIMEOUT = Duration.ofMillis(1500);

  @AutoClose
  private static final NatsServer NATS = NatsServer.start();
  @AutoClose
  private static final Wiretap HEALTHY_WIRE = new Wiretap(NATS.port());
  @AutoClose
  private static final Wiretap FAULTY_WIRE = new Wiretap(NATS.port());
  @AutoClose
  private static final NatsTransport TRANSPORT = NatsTransport.open(new Options.Builder().server(NATS.url()).build(),
      Duration.ofSeconds(5), Duration.ofMillis(100));
  private static final MessagingClient CLIENT = new MessagingClient(TRANSPORT, Duration.ZERO);
  private static App healthy;
  private static App faulty;

  @Parameter
  private WorkerKind kind;

  @BeforeParameterizedClassInvocation
  static void start(WorkerKind kind) {
    healthy = worker(kind, HEALTHY_WIRE, "tasks.>");
    faulty = worker(kind, FAULTY_WIRE, "tasks.>,burst");
    List.of(healthy, faulty).forEach(App::awaitReady);
  }

  @AfterParameterizedClassInvocation
  static void stop() {
    healthy.close();
    faulty.close();
  }

  private static App worker(WorkerKind kind, Wiretap wire, String subscriptions) {
    return kind.start(wire.natsUrl(), App.with(kind.busy(50, 20), "-Xmx256m", "--messaging.queue-capacity=2000",
        "--messaging.max-buffered=100MB", "--messaging.subscriptions=" + subscriptions));
  }

  @Test
  void terminatedWorkerAnswersAllItHasBeforeItExits() {
    ExecutorService threads = Executors.newFixedThreadPool(HELD);
    try (App draining = kind.start(NATS.url(), App.with(kind.busy(100, 500), "--messaging.subscriptions=drain",
        "-Xmx320m", "--messaging.max-buffered=100MB", "--messaging.queue-capacity=" + HELD)).awaitReady()) {
      request("drain", "warm-up");
      List<CompletableFuture<String>> answers = IntStream.range(0, HELD)
          .mapToObj(i -> answer(threads, () -> request("drain", kind.work("message " + i)))).toList();
      Map<String, Double> held = Awaitility.await().pollDelay(Duration.ZERO).pollInterval(Duration.ofMillis(10))
          .until(() -> draining.metrics("messaging_in_flight", "messaging_queued"),
              // All have arrived: on a slow machine some may have been answered already
              now -> now.get("messaging_queued") > 0 && now.get("messaging_in_flight") + now.get("messaging_queued")
                  + answers.stream().filter(Future::isDone).count() >= HELD);
      long millis = millisToExit(draining);

      CompletableFuture.allOf(answers.toArray(CompletableFuture[]::new)).join();
      long right = IntStream.range(0, HELD)
          .filter(i -> answers.get(i).join().equals(kind.answer(kind.work("message " + i)))).count();
      System.out.printf("%s: SIGTERM to a worker with %s: %d of %d answered, exit after %d ms%n", kind, held, right,
          HELD, millis);
      assertThat(right).isEqualTo(HELD);
    } finally {
      threads.shutdownNow();
    }
  }

  @Test
  void workerTerminatedInAFloodAnswersAllThatItTakes() {
    ExecutorService threads = Executors.newFixedThreadPool(FLOODING);
    try (App draining = kind.start(NATS.url(), "--messaging.subscriptions=flood").awaitReady()) {
      AtomicInteger right = new AtomicInteger();
      List<CompletableFuture<Reason>> ends = IntStream.range(0, FLOODING)
          .mapToObj(i -> answer(threads, () -> requestUntilRefused("flood", "flood " + i, right))).toList();
      Awaitility.await().atMost(Duration.ofSeconds(60)).until(() -> right.get() > 20_000);
      long millis = millisToExit(draining);

      List<Reason> reasons = ends.stream().map(CompletableFuture::join).toList();
      System.out.printf("%s: SIGTERM to a worker in a flood: %s answered, exit after %d ms; then %s%n",
          kind, right, millis,
          reasons.stream().collect(Collectors.groupingBy(reason -> reason, Collectors.counting())));
      assertThat(reasons).containsOnly(Reason.NO_RESPONDERS);
    } finally {
      threads.shutdownNow();
    }
  }

  private static <T> CompletableFuture<T> answer(ExecutorService threads, Supplier<T> request) {
    return CompletableFuture.supplyAsync(request, threads);
  }

  private static long millisToExit(App app) {
    long begin = System.nanoTime();
    app.terminate();
    app.awaitExit();
    return (System.nanoTime() - begin) / 1_000_000;
  }

  private Reason requestUntilRefused(String subject, String text, AtomicInteger right) {
    try {
      while (request(subject, text).equals(kind.answer(text))) {
        right.incrementAndGet();
      }
      throw new AssertionError("a wrong answer");
    } catch (BrokerException e) {
      return e.reason();
    }
  }

  private String request(String subject, String text) {
    byte[] body = text.getBytes(StandardCharsets.UTF_8);
    return new String(CLIENT.request(subject, body, Duration.ofSeconds(20)).body(), StandardCharsets.UTF_8);
  }

  @Test
  void killOfOneWorkerFailsOnlyWhatItHeld() {
    try (App httpApi = App.httpApi(NATS.url()).awaitReady();
        Load load = Load.start(kind, httpApi)) {
      load.awaitRight(500);
      faulty.kill();
      Tally held = load.next();
      load.awaitRight(500);
      Tally after = load.stop();

      System.out.printf("%s: SIGKILL of one of 2 workers: begun before: %s; begun after: %s%n", kind, held, after);
      held.requireOnly("timeout");
      assertThat(held.count("timeout")).isLessThanOrEqualTo(32); // no more were under way
      assertThat(answers(held.texts("timeout"))).doesNotContainAnyElementsOf(HEALTHY_WIRE.sent());
      after.requireOnly();
    } finally {
      faulty.startAgain();
      faulty.awaitReady();
    }
  }

  @Test
  void frozenWorkerDoesNotHarmAHealthyOneAndDropsWhatExpired() {
    // Half of the requests wait for the frozen worker until they time out: enough threads and connections for them
    try (App httpApi = App.httpApi(NATS.url(), "--task.request-timeout=1s", "--server.tomcat.threads.max=600")
            .awaitReady();
        Load load = Load.start(kind, 384, 500, id -> "frozen " + id, httpApi)) {
      load.awaitRight(500);
      double expiredBefore = expired(healthy, faulty);
      publishBurst();
      faulty.signal("STOP");
      long stoppedAt = System.nanoTime();
      Tally before = load.next();
      Bounds.awaitElapsed(stoppedAt, BURST_TIMEOUT.plusSeconds(1));
      Tally frozen = load.next();
      faulty.signal("CONT");
      load.awaitRight(500);
      Tally after = load.stop();
      Awaitility.await().until(() -> isIdle(healthy) && isIdle(faulty));

      double expired = expired(healthy, faulty) - expiredBefore; // on a slow machine a few in the healthy one, too
      System.out.printf("%s: SIGSTOP of one of 2 workers: begun before: %s; while stopped: %s, right within %d ms "
          + "(99 %%); after SIGCONT: %s; expired in their queues: %.0f%n", kind, before, frozen,
          frozen.millis(Tally.RIGHT, 0.99), after, expired);
      Set<String> notExecuted = notExecuted(before.requireOnly("timeout"), frozen.requireOnly("timeout"),
          after.requireOnly("timeout"));
      assertThat(answers(frozen.texts("timeout"))).doesNotContainAnyElementsOf(HEALTHY_WIRE.sent());
      assertThat(notExecuted).as("not executed").hasSize((int) expired);
      assertThat(faulty.log() + healthy.log()).doesNotContain("OutOfMemoryError");
      Assumptions.assumeThat(expired).as("what waited when the worker froze; nothing on a fast machine").isPositive();
    }
  }

  private static double expired(App... workers) {
    return Stream.of(workers).mapToDouble(worker -> worker.metric("messaging_expired_total")).sum();
  }

  private static boolean isIdle(App worker) {
    return worker.metrics("messaging_queued", "messaging_in_flight").values().stream().allMatch(value -> value == 0);
  }

  // More than a worker does in the time that it takes to stop it; the healthy one gets none of it
  private void publishBurst() {
    for (int i = 0; i < burst(); i++) {
      CLIENT.publish(new BrokerMessage("burst", burstText(i).getBytes(StandardCharsets.UTF_8), "nobody",
          Map.of(MessagingClient.REQUEST_TIMEOUT_HEADER, List.of(Long.toString(BURST_TIMEOUT.toMillis())))));
    }
  }

  private int burst() {
    return kind == WorkerKind.TEST ? 1000 : 600;
  }

  private String burstText(int number) {
    return kind.work("burst " + number);
  }

  private Set<String> notExecuted(Tally... tallies) {
    Set<String> texts = IntStream.range(0, burst()).mapToObj(this::burstText).collect(Collectors.toSet());
    for (Tally tally : tallies) {
      texts.addAll(tally.texts("timeout"));
    }
    Set<String> answers = answers(texts);
    HEALTHY_WIRE.sent().forEach(answers::remove);
    FAULTY_WIRE.sent().forEach(answers::remove);
    return answers;
  }

  /** Returns how the answers to the texts begin. */
  private Set<String> answers(Set<String> texts) {
    return texts.stream().map(kind::answer)
        .map(answer -> answer.substring(0, Math.min(Tally.SHOWN, answer.length())))
        .collect(Collectors.toCollection(HashSet::new));
  }
}
