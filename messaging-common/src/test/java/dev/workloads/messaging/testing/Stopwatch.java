package dev.workloads.messaging.testing;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.concurrent.locks.LockSupport;

/**
 * Measures whether something takes as long as it should, on a machine that stalls: what must not be early is measured by the
 * clock, what must not be late without the stalls. A thread that is to run every 10 ms and does not notices them, so that no
 * test adds what it guesses. Safe for use by many threads.
 */
public final class Stopwatch {

  private static final long TICK_NANOS = 10_000_000;
  private static final long LONGEST_TICK_NANOS = 3 * TICK_NANOS; // later than that, the machine has stalled
  private static volatile Tick last = new Tick(System.nanoTime(), 0);

  private final long begin = System.nanoTime();
  private final long beginWithoutStalls = last.timeWithoutStalls();

  static {
    Thread ticker = new Thread(Stopwatch::tick, "stopwatch");
    ticker.setDaemon(true);
    ticker.start();
  }

  /** A run of the thread: when it was by the clock, and without the stalls until then. */
  private record Tick(long at, long withoutStalls) {

    long timeWithoutStalls() {
      return after(System.nanoTime()).withoutStalls;
    }

    Tick after(long now) {
      return new Tick(now, withoutStalls + Math.min(now - at, LONGEST_TICK_NANOS));
    }
  }

  private Stopwatch() {}

  private static void tick() {
    while (true) {
      LockSupport.parkNanos(TICK_NANOS);
      last = last.after(System.nanoTime());
    }
  }

  /** Starts one. */
  public static Stopwatch start() {
    return new Stopwatch();
  }

  /** Returns the time so far, by the clock. */
  public Duration elapsed() {
    return Duration.ofNanos(System.nanoTime() - begin);
  }

  /** Returns the time so far in which the machine has run. */
  public Duration elapsedWithoutStalls() {
    return Duration.ofNanos(last.timeWithoutStalls() - beginWithoutStalls);
  }

  /** Asserts that so much time has passed. */
  public void assertAtLeast(Duration least) {
    assertThat(elapsed()).isGreaterThanOrEqualTo(least);
  }

  /** Asserts that less time has passed. */
  public void assertLessThan(Duration limit) {
    assertThat(elapsedWithoutStalls()).as("without stalls, of %s", elapsed()).isLessThan(limit);
  }

  /** Asserts that so much time has passed, and less than the limit. */
  public void assertBetween(Duration least, Duration limit) {
    assertAtLeast(least);
    assertLessThan(limit);
  }
}
