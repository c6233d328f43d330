package dev.workloads.messaging.durable;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The attempts of a worker that renew the leases of their jobs. Safe for use by many threads. */
final class RunningAttempts {

  private static final Logger log = LoggerFactory.getLogger(JobListenerContainer.class);
  private static final int MAX_RELEASES_AT_ONCE = 16;

  private final Map<String, Attempt> attempts = new ConcurrentHashMap<>(); // by runner
  private final JobSettings settings;
  private final ScheduledExecutorService timer;
  private final ThreadFactory threads;
  private volatile boolean interrupted;

  RunningAttempts(JobSettings settings, ScheduledExecutorService timer, ThreadFactory threads) {
    this.settings = settings;
    this.timer = timer;
    this.threads = threads;
  }

  /** Opens an attempt, which is one of these until it renews the lease no more. */
  Attempt open(Job job) {
    Attempt attempt = new Attempt(job, settings, timer, ending -> attempts.remove(ending.runner()));
    attempts.put(attempt.runner(), attempt);
    return attempt;
  }

  /** Has what handlers have reported be written, by a thread for each. */
  void writeProgress() {
    try {
      for (Attempt attempt : attempts.values()) {
        AttemptProgress progress = attempt.progress();
        if (progress != null && progress.isDue()) {
          threads.newThread(progress::write).start();
        }
      }
    } catch (RuntimeException | Error e) { // such as no more threads; it must not end the writes to come
      log.error("The progress of tasks could not be written. The next try is in a second", e);
    }
  }

  Set<String> runners() {
    return attempts.keySet();
  }

  /** Returns whether {@link #interrupt} was called, which may not have seen an attempt that began meanwhile. */
  boolean areInterrupted() {
    return interrupted;
  }

  /**
   * Interrupts all handlers, and has other threads release their attempts, since a handler may ignore the interrupt. Blocks no
   * longer than the timeout.
   */
  void interrupt(Consumer<Attempt> release, Duration timeout) {
    interrupted = true;
    List<Callable<Object>> releases = attempts.values().stream().filter(Attempt::interrupt)
        .map(attempt -> Executors.callable(() -> release.accept(attempt))).toList();
    ExecutorService pool = Executors.newFixedThreadPool(MAX_RELEASES_AT_ONCE, threads);
    try {
      long late = pool.invokeAll(releases, timeout.toNanos(), TimeUnit.NANOSECONDS).stream()
          .filter(Future::isCancelled).count();
      if (late > 0) {
        log.warn("{} of {} tasks were not given back within {}. Their jobs are handed out again when the leases end", late,
            releases.size(), timeout);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } finally {
      pool.shutdownNow();
    }
  }
}
