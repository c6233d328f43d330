package dev.workloads.messaging;

import dev.workloads.messaging.BrokerException.Reason;
import java.time.Duration;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.function.LongFunction;

/** Repeats an attempt that was provably not executed, with growing pauses, jittered so that callers spread out. */
public final class Retry {

  private static final long FIRST_PAUSE = TimeUnit.MILLISECONDS.toNanos(5);
  private static final long LONGEST_PAUSE = TimeUnit.MILLISECONDS.toNanos(50);
  // A full worker has read the whole message in vain: the tries are fewer, but enough to find a worker that has room
  private static final int LONGER_WHEN_OVERLOADED = 4;

  private Retry() {}

  /**
   * Returns the first result.
   *
   * @param window no attempt starts later than this after the first
   * @param attempt called with the nanoseconds since the first attempt
   * @throws BrokerException the last attempt's
   */
  public static <T> T within(Duration window, LongFunction<T> attempt) {
    long start = System.nanoTime();
    long elapsed = 0;
    for (long longest = FIRST_PAUSE; ; longest = Math.min(2 * longest, LONGEST_PAUSE)) {
      try {
        return attempt.apply(elapsed);
      } catch (BrokerException e) {
        long bound = e.reason() == Reason.OVERLOADED ? LONGER_WHEN_OVERLOADED * longest : longest;
        long pause = ThreadLocalRandom.current().nextLong(bound / 2, bound);
        boolean again = e.isRetryable() && System.nanoTime() - start + pause < window.toNanos();
        if (!again || !pause(pause)) {
          throw e;
        }
        elapsed = System.nanoTime() - start;
        if (elapsed >= window.toNanos()) {
          throw e;
        }
      }
    }
  }

  private static boolean pause(long nanos) {
    try {
      TimeUnit.NANOSECONDS.sleep(nanos);
      return true;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return false;
    }
  }
}
