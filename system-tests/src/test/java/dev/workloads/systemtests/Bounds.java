package dev.workloads.systemtests;

import java.time.Duration;
import org.awaitility.Awaitility;

/** What the contract promises in milliseconds, how much a busy machine may add, and how long a fault lasts. */
final class Bounds {

  static final boolean FULL = Boolean.getBoolean("faults.full");
  static final int ROUNDS = Integer.getInteger("faults.rounds", 1);
  static final long RETRY_WINDOW_MILLIS = 250;
  static final long REQUEST_TIMEOUT_MILLIS = 5000;
  static final long SLACK_MILLIS = 3000; // seen: 1.5 s, on two cores that others used as well

  private Bounds() {}

  /** Blocks until that much time has passed since then, by {@link System#nanoTime}. */
  static void awaitElapsed(long since, Duration duration) {
    Awaitility.await().atMost(duration.plusSeconds(5)).until(() -> System.nanoTime() - since >= duration.toNanos());
  }
}
