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
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.event.Level;

/**
 * Repeats what the store does not take now, and tells what is waited for: meanwhile no more should be begun. Each thread waits
 * for one step at a time.
 */
final class StoreRetries {

  private static final Duration PAUSE = Duration.ofSeconds(1);

  private final FailureLog failures;
  private final Map<Thread, Wait> waits = new ConcurrentHashMap<>();
  private volatile boolean ended;

  private record Wait(Instant since, String task, String why) {

    @Override
    public String toString() {
      return task + " cannot be recorded since " + since.truncatedTo(ChronoUnit.SECONDS) + ": " + why;
    }
  }

  StoreRetries(FailureLog failures) {
    this.failures = failures;
  }

  /** Returns what is waited for the longest, or {@code null} if nothing is. */
  @Nullable String problem() {
    return waits.values().stream().min(Comparator.comparing(Wait::since)).map(Wait::toString).orElse(null);
  }

  /** Gives up all that is waited for, and all that will be. */
  void end() {
    ended = true;
  }

  /**
   * Repeats a step until the store takes it; returns {@code null} if it does not until the deadline is over, or the end. The
   * step is done at least once.
   *
   * @param task names the attempt, for the log and for health
   */
  <T> @Nullable T untilTaken(Job job, String task, Deadline deadline, Supplier<T> step) {
    Instant since = Instant.now();
    try {
      while (true) {
        try {
          return step.get();
        } catch (BrokerException e) {
          String why = String.valueOf(e.getMessage());
          if (deadline.isOver() || ended) {
            failures.log(Level.ERROR, job.message(),
                "An attempt could not be recorded, the task will be tried again: " + why + " (" + task + ")");
            return null;
          }
          if (waits.put(Thread.currentThread(), new Wait(since, task, why)) == null) {
            failures.log(Level.WARN, job.message(),
                "An attempt cannot be recorded now, trying on: " + why + " (" + task + ")");
          }
          TimeUnit.NANOSECONDS.sleep(PAUSE.toNanos());
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return null;
    } finally {
      waits.remove(Thread.currentThread());
    }
  }
}
