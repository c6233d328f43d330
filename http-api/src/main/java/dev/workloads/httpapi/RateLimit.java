package dev.workloads.httpapi;

import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.LongSupplier;

/**
 * Lets requests through at a rate, and at once as many as come in a second, or one (the generic cell rate algorithm). Safe for
 * use by many threads; nothing blocks.
 */
final class RateLimit {

  private static final long SECOND = TimeUnit.SECONDS.toNanos(1);

  private final long interval;
  private final long burst;
  private final LongSupplier nanoTime;
  private final AtomicLong due; // when all that were let through have had their intervals

  /**
   * Creates a limit.
   *
   * @param rate requests a second
   */
  RateLimit(double rate, LongSupplier nanoTime) {
    this.interval = (long) (SECOND / rate);
    this.burst = Math.max(SECOND, interval);
    this.nanoTime = nanoTime;
    this.due = new AtomicLong(nanoTime.getAsLong());
  }

  /** Lets a request through, and returns 0; or returns the whole seconds until one will be let through, at least 1. */
  int acquire() {
    while (true) {
      long now = nanoTime.getAsLong();
      long former = due.get();
      long ahead = Math.max(former - now, 0) + interval;
      if (ahead > burst) {
        return (int) Math.min((ahead - burst - 1) / SECOND + 1, Integer.MAX_VALUE);
      }
      if (due.compareAndSet(former, now + ahead)) {
        return 0;
      }
    }
  }
}
