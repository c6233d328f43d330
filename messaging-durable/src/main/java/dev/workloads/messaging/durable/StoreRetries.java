package dev.workloads.messaging.durable;

import dev.workloads.messaging.BrokerException;
import dev.workloads.messaging.listener.FailureLog;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.Comparator;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.event.Level;

/**
 * Repeats steps that the store does not take now, and tells of the one that waits the longest. No job should be begun meanwhile.
 * Each thread waits for one step at a time.
 */
final class StoreRetries {

  private static final Duration PAUSE = Duration.ofSeconds(1);

  private final FailureLog failures;
  private final Map<Thread, Wait> waits = new ConcurrentHashMap<>();
  private volatile boolean ended;

  private record Wait(Instant since, String task, String why) {}

  StoreRetries(FailureLog failures) {
    this.failures = failures;
  }

  /** Returns what is waited for the longest, or {@code null} if nothing is. */
  @Nullable String problem() {
    return waits.values().stream().min(Comparator.comparing(Wait::since)).map(wait -> wait.task() + " cannot be recorded since "
        + wait.since().truncatedTo(ChronoUnit.SECONDS) + ": " + wait.why()).orElse(null);
  }

  /** Has each step given up as it fails, those to come as well. */
  void end() {
    ended = true;
  }

  /**
   * Repeats a step until the store takes it; returns whether it did before the attempt's deadline, and before the end. The
   * step is done at least once.
   */
  boolean untilTaken(Attempt attempt, Runnable step) {
    Instant since = Instant.now();
    try {
      while (true) {
        try {
          step.run();
          return true;
        } catch (BrokerException e) {
          if (!mayRepeat(attempt, since, String.valueOf(e.getMessage()))) {
            return false;
          }
          TimeUnit.NANOSECONDS.sleep(PAUSE.toNanos());
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return false;
    } finally {
      waits.remove(Thread.currentThread());
    }
  }

  private boolean mayRepeat(Attempt attempt, Instant since, String why) {
    if (attempt.deadline().isOver() || ended) {
      failures.log(Level.ERROR, attempt.job().message(), "An attempt could not be recorded, so its job comes again: " + why
          + " (" + attempt.name() + ")");
      return false;
    }
    if (waits.put(Thread.currentThread(), new Wait(since, attempt.name(), why)) == null) {
      failures.log(Level.WARN, attempt.job().message(), "An attempt cannot be recorded now. This worker takes no more jobs "
          + "until it is: " + why + " (" + attempt.name() + ")");
    }
    return true;
  }
}
