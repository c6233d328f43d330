package dev.workloads.systemtests;

import static org.assertj.core.api.Assertions.assertThat;

import dev.workloads.messaging.test.NatsServer;
import io.nats.client.Connection;
import io.nats.client.Dispatcher;
import io.nats.client.Nats;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.Stream;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.condition.EnabledForJreRange;
import org.junit.jupiter.api.condition.JRE;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** More work than workers can do, or threads can wait for. */
@Tag("alone")
@Tag("faults")
class OverloadIT {

  private static final Duration DURATION = Duration.ofSeconds(Bounds.FULL ? 30 : 6);
  private static final int MANY = 5000;
  // Longer than a busy machine takes to send them all, so that all wait at once
  private static final long WORK_MILLIS = 6000;
  private static final Duration ANSWERED = Duration.ofSeconds(30);
  private static final Duration GIVE_UP = Duration.ofSeconds(120);
  private static final int FLOOD = Bounds.FULL ? 1_000_000 : 200_000;
  private static final int WINDOW = 20_000; // of requests that wait for replies: many times what a worker may hold

  @AutoClose
  private static final NatsServer NATS = NatsServer.start();

  // Of task-leet nobody knows the capacity, and HTTP has less: what follows makes it refuse all the same
  @ParameterizedTest
  @CsvSource({"100, 5, 100", "1000000, 1, 200"})
  void tenTimesTheCapacityOfAWorkerLeavesItAtItsCapacity(int size, int concurrency, int workMillis) {
    int capacity = concurrency * 1000 / workMillis; // a second
    String filler = "x".repeat(size);
    try (Pair pair = Pair.start(WorkerKind.TEST, NATS.url(), "-Xmx128m", "--worker.delay=" + workMillis,
        "--messaging.max-in-flight=" + concurrency, "--messaging.queue-capacity=" + 2 * concurrency).awaitReady();
        // An excess request is refused after the retry window
        Load load = Load.start(WorkerKind.TEST, capacity * 6, capacity * 10, id -> id + " " + filler, pair.httpApi())) {
      load.awaitRight(capacity);
      Tally warmUp = load.next();
      long begin = System.nanoTime();
      Bounds.awaitElapsed(begin, DURATION);
      double perSecond = load.tally().count(Tally.RIGHT) * 1e9 / (System.nanoTime() - begin);
      Tally tally = load.stop();

      System.out.printf("10 times the capacity of %d/s, %d bytes each: %s in %d s, %.1f right a second, within %d ms "
          + "(99 %%), refused within %d ms (99 %%), at most %d ms%n", capacity, size, tally, DURATION.toSeconds(),
          perSecond, tally.millis(Tally.RIGHT, 0.99), tally.millis("overloaded", 0.99),
          tally.slowestMillis("overloaded"));
      warmUp.requireOnly("overloaded");
      tally.requireOnly("overloaded");
      // In the short run one second's work more or less at its ends is a sixth of it
      assertThat(perSecond).isBetween(0.6 * capacity, 1.3 * capacity);
      assertThat(tally.millis("overloaded", 0.99)).isLessThan(Bounds.RETRY_WINDOW_MILLIS + Bounds.SLACK_MILLIS);
      assertThat(pair.httpApi().log() + pair.worker().log()).doesNotContain("OutOfMemoryError");
    }
  }

  @ParameterizedTest
  @CsvSource({"100, 60, 0", "1000000, 6, 2"})
  void moreThanTaskLeetMayHoldIsRefusedAndTheRestAnswered(int size, int connections, int queueCapacity) {
    String filler = "x".repeat(size);
    try (Pair pair = Pair.start(WorkerKind.LEET, NATS.url(), "-Xmx128m", "--messaging.max-in-flight=1",
        "--messaging.queue-capacity=" + queueCapacity, "--messaging.request.retry-window=0").awaitReady();
        Load load = Load.start(WorkerKind.LEET, connections, 0, id -> id + " " + filler, pair.httpApi())) {
      Bounds.awaitElapsed(System.nanoTime(), DURATION);
      Tally tally = load.stop();

      System.out.printf("%d connections to a task-leet that holds %d, %d bytes each: %s in %d s, right within %d "
          + "ms (99 %%), refused within %d ms (99 %%)%n", connections, 1 + queueCapacity, size, tally,
          DURATION.toSeconds(), tally.millis(Tally.RIGHT, 0.99), tally.millis("overloaded", 0.99));
      tally.requireOnly("overloaded");
      assertThat(tally.count(Tally.RIGHT)).isPositive();
      assertThat(pair.worker().metric("messaging_shed_total")).isPositive();
      assertThat(tally.millis("overloaded", 0.99)).isLessThan(Bounds.RETRY_WINDOW_MILLIS + Bounds.SLACK_MILLIS);
      assertThat(pair.httpApi().log() + pair.worker().log()).doesNotContain("OutOfMemoryError");
    }
  }

  @ParameterizedTest
  @MethodSource("dev.workloads.systemtests.WorkerKind#tried")
  void floodOfRequestsIsAnsweredOrRefusedToTheLast(WorkerKind kind) throws Exception {
    byte[] body = "a flood".getBytes(StandardCharsets.UTF_8);
    String answer = kind.answer("a flood");
    AtomicInteger right = new AtomicInteger();
    AtomicInteger full = new AtomicInteger();
    AtomicInteger wrong = new AtomicInteger();
    try (App worker = kind.start(NATS.url(), "-Xmx64m", "--messaging.subscriptions=flood").awaitReady();
        Connection client = Nats.connect(NATS.url())) {
      Dispatcher replies = client.createDispatcher(reply -> {
        boolean error = reply.hasHeaders() && "503".equals(reply.getHeaders().getFirst("Nats-Service-Error-Code"));
        boolean expected = new String(reply.getData(), StandardCharsets.UTF_8).equals(answer);
        (error ? full : expected ? right : wrong).incrementAndGet();
      }).subscribe("flooded");
      long begin = System.nanoTime();
      for (int sent = 0; sent < FLOOD; sent++) {
        while (sent - answered(right, full, wrong) >= WINDOW && System.nanoTime() - begin < GIVE_UP.toNanos()) {
          LockSupport.parkNanos(100_000); // the pace of the flood
        }
        client.publish("flood", "flooded", body);
      }
      Awaitility.await().atMost(ANSWERED).pollInterval(Duration.ofMillis(10))
          .until(() -> answered(right, full, wrong) >= FLOOD || System.nanoTime() - begin > GIVE_UP.toNanos());
      System.out.printf("%s: %d requests, %d at once: %s right, %s refused, %s wrong in %d ms%n", kind, FLOOD, WINDOW,
          right, full, wrong, (System.nanoTime() - begin) / 1_000_000);
      client.closeDispatcher(replies);
      assertThat(right.get() + full.get()).as("%s right, %s refused", right, full).isEqualTo(FLOOD);
      assertThat(right).hasPositiveValue();
      assertThat(worker.readiness()).isEqualTo(200);
      assertThat(worker.log()).doesNotContain("OutOfMemoryError", "Lost the connection", "were dropped unanswered");
    }
  }

  private static int answered(AtomicInteger... outcomes) {
    return Stream.of(outcomes).mapToInt(AtomicInteger::get).sum();
  }

  @ParameterizedTest
  @MethodSource("dev.workloads.systemtests.WorkerKind#tried")
  @EnabledForJreRange(min = JRE.JAVA_21)
  void thousandsOfRequestsWaitAtOnceOnVirtualThreads(WorkerKind kind) {
    burst(kind, "--task.max-in-flight=" + MANY, "--server.tomcat.max-connections=" + 2 * MANY).requireOnly();
  }

  @ParameterizedTest
  @MethodSource("dev.workloads.systemtests.WorkerKind#tried")
  @EnabledForJreRange(max = JRE.JAVA_20)
  void excessOfThousandsOfRequestsIsRefusedAtOnceOnPlatformThreads(WorkerKind kind) {
    Tally tally = burst(kind, "--server.tomcat.max-connections=" + 2 * MANY).requireOnly("overloaded");
    assertThat(tally.count(Tally.RIGHT)).isGreaterThanOrEqualTo(180); // as many as may wait
    assertThat(tally.slowestMillis("overloaded")).isLessThan(WORK_MILLIS); // not for others to end
  }

  private static Tally burst(WorkerKind kind, String... settings) {
    String[] complete = App.with(settings, "-Xmx384m", // a request that waits holds 57 KB: 352 are enough, 320 are not
        "--task.request-timeout=30s", "--worker.delay=" + WORK_MILLIS, "--messaging.max-in-flight=" + MANY);
    try (Pair pair = Pair.start(kind, NATS.url(), complete).awaitReady()) {
      if (kind == WorkerKind.LEET) {
        pair.worker().signal("STOP"); // it is too quick for thousands to wait for it
      }
      try (Load load = Load.burst(kind, MANY, pair.httpApi())) {
        String most = kind == WorkerKind.LEET ? freeze(pair, load) : work(pair, load);
        Tally tally = load.stop();
        System.out.printf("%s: %d requests at once, %d ms each: %s, up to %s at work at once, right within %d ms, "
            + "refused within %d ms%n", kind, MANY, WORK_MILLIS, tally, most, tally.slowestMillis(Tally.RIGHT),
            tally.slowestMillis("overloaded"));
        assertThat(pair.httpApi().log() + pair.worker().log()).doesNotContain("OutOfMemoryError");
        return tally;
      }
    }
  }

  private static String work(Pair pair, Load load) {
    List<Double> atWork = new ArrayList<>();
    Awaitility.await().atMost(ANSWERED).pollDelay(Duration.ZERO).pollInterval(Duration.ofMillis(10)).until(() -> {
      atWork.add(pair.worker().metric("messaging_in_flight"));
      return load.tally().count(Tally.RIGHT) + load.tally().failed() >= MANY;
    });
    return Collections.max(atWork).toString();
  }

  private static String freeze(Pair pair, Load load) {
    long begin = System.nanoTime();
    Awaitility.await().atMost(ANSWERED).until(() -> System.nanoTime() - begin >= WORK_MILLIS * 1_000_000
        && pair.httpApi().metric("messaging_nats_sent_messages_total") + load.tally().failed() >= MANY);
    pair.worker().signal("CONT");
    return "none";
  }
}
