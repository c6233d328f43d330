package dev.workloads.systemtests;

import static org.assertj.core.api.Assertions.assertThat;

import dev.workloads.messaging.testing.NatsServer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledForJreRange;
import org.junit.jupiter.api.condition.JRE;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** More work than workers can do, or threads can wait for. */
@Tag("faults")
class OverloadIT {

  private static final Duration DURATION = Duration.ofSeconds(Bounds.FULL ? 30 : 6);
  private static final int MANY = 5000;
  // Longer than a busy machine takes to send them all, so that all wait at once
  private static final long WORK_MILLIS = 6000;
  private static final Duration ANSWERED = Duration.ofSeconds(30);

  private static NatsServer nats;

  @BeforeAll
  static void start() {
    nats = NatsServer.start();
  }

  @AfterAll
  static void stop() {
    nats.close();
  }

  @ParameterizedTest
  @CsvSource({"100, 5, 100", "1000000, 1, 200"})
  void tenTimesTheCapacityOfAWorkerLeavesItAtItsCapacity(int size, int concurrency, int workMillis) {
    int capacity = concurrency * 1000 / workMillis; // a second
    String filler = "x".repeat(size);
    try (App worker = App.of(TestWorker.class, nats.url(), "-Xmx128m", "--worker.delay=" + workMillis,
            "--messaging.max-in-flight=" + concurrency, "--messaging.queue-capacity=" + 2 * concurrency);
        App httpApi = App.httpApi(nats.url(), "-Xmx128m")) {
      worker.awaitReady();
      httpApi.awaitReady();
      // An excess request is refused after the retry window
      try (Load load = Load.start(capacity * 6, capacity * 10, id -> id + " " + filler, httpApi)) {
        load.awaitRight(capacity);
        Tally warmUp = load.next();
        long begin = System.nanoTime();
        Awaitility.await().atMost(DURATION.plusSeconds(5))
            .until(() -> System.nanoTime() - begin >= DURATION.toNanos());
        double perSecond = load.tally().count(Tally.RIGHT) * 1e9 / (System.nanoTime() - begin);
        Tally tally = load.stop();

        System.out.printf("10 times the capacity of %d/s, %d bytes each: %s in %d s, %.1f right a second, within %d ms "
            + "(99 %%), refused within %d ms (99 %%), at most %d ms%n", capacity, size, tally, DURATION.toSeconds(),
            perSecond, tally.millis(Tally.RIGHT, 0.99), tally.millis("overloaded", 0.99),
            tally.slowestMillis("overloaded"));
        warmUp.requireOnly("overloaded");
        tally.requireOnly("overloaded");
        // In the short run one second's work more or less at its ends is a sixth of it
        assertThat(perSecond).isBetween((Bounds.FULL ? 0.8 : 0.6) * capacity, 1.2 * capacity);
        assertThat(tally.millis("overloaded", 0.99)).isLessThan(Bounds.RETRY_WINDOW_MILLIS + Bounds.SLACK_MILLIS);
        assertThat(httpApi.log() + worker.log()).doesNotContain("OutOfMemoryError");
      }
    }
  }

  @Test
  @EnabledForJreRange(min = JRE.JAVA_21)
  void thousandsOfRequestsWaitAtOnceOnVirtualThreads() {
    burst("--task.max-in-flight=" + MANY, "--server.tomcat.max-connections=" + 2 * MANY).requireOnly();
  }

  @Test
  @EnabledForJreRange(max = JRE.JAVA_20)
  void excessOfThousandsOfRequestsIsRefusedAtOnceOnPlatformThreads() {
    Tally tally = burst("--server.tomcat.max-connections=" + 2 * MANY).requireOnly("overloaded");
    assertThat(tally.count(Tally.RIGHT)).isGreaterThanOrEqualTo(180); // as many as may wait
    assertThat(tally.slowestMillis("overloaded")).isLessThan(WORK_MILLIS); // not for others to end
  }

  private static Tally burst(String... settings) {
    String[] complete = Arrays.copyOf(settings, settings.length + 2);
    complete[settings.length] = "-Xmx256m"; // a request that waits holds 41 KB
    complete[settings.length + 1] = "--task.request-timeout=30s";
    try (App worker = App.of(TestWorker.class, nats.url(), "-Xmx256m", "--worker.delay=" + WORK_MILLIS,
            "--messaging.max-in-flight=" + MANY);
        App httpApi = App.httpApi(nats.url(), complete)) {
      worker.awaitReady();
      httpApi.awaitReady();
      try (Load load = Load.burst(MANY, httpApi)) {
        List<Double> atWork = new ArrayList<>();
        Awaitility.await().atMost(ANSWERED).pollDelay(Duration.ZERO).pollInterval(Duration.ofMillis(10)).until(() -> {
          atWork.add(worker.metric("messaging_in_flight"));
          return load.tally().count(Tally.RIGHT) + load.tally().failed() >= MANY;
        });
        Tally tally = load.stop();
        System.out.printf("%d requests at once, %d ms each: %s, up to %.0f at work at once, right within %d ms, refused "
            + "within %d ms%n", MANY, WORK_MILLIS, tally, Collections.max(atWork), tally.slowestMillis(Tally.RIGHT),
            tally.slowestMillis("overloaded"));
        assertThat(httpApi.log() + worker.log()).doesNotContain("OutOfMemoryError");
        return tally;
      }
    }
  }
}
