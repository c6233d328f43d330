package dev.workloads.messaging.durable;

import dev.workloads.messaging.durable.JobMetrics.Outcome;
import java.time.Duration;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * How a job ends. Decides only: {@link SettlementWriter} writes it.
 *
 * @param result what is stored as the task's result, if anything
 * @param deadLetter why the job becomes a dead letter, if it does
 * @param next how the entry goes on, or {@code null} if the job has none
 * @param pause after which the job is handed out again, or {@code null} if it leaves its queue
 */
record Settlement(Outcome outcome, @Nullable TaskResult result, @Nullable String deadLetter, @Nullable TaskRecord next,
    @Nullable Duration pause) {

  static Settlement succeeded(TaskRecord task, TaskResult result) {
    return new Settlement(Outcome.SUCCEEDED, result, null, task.succeeded(Instant.now()), null);
  }

  /** An attempt has failed: the next one follows, unless the task is at fault or this one was the last. */
  static Settlement failed(TaskRecord task, TaskError error, JobSettings settings) {
    int failures = task.failures() + 1;
    if (error.isRejection()) {
      return new Settlement(Outcome.REJECTED, null, null, task.failed(failures, error, Instant.now()), null);
    }
    return failures >= settings.maxAttempts() ? givenUp(task, failures, error)
        : new Settlement(Outcome.RETRIED, null, null, task.queuedAgain(failures, error), settings.backoff(failures));
  }

  static Settlement tookTooLong(TaskRecord task, JobSettings settings) {
    return failed(task, new TaskError(500, "the handler took longer than " + settings.maxRuntime().toMillis() + " ms"), settings);
  }

  static Settlement givenUp(TaskRecord task, int failures, TaskError error) {
    return new Settlement(Outcome.FAILED, null, error.text(), task.failed(failures, error, Instant.now()), null);
  }

  /** No retry could store the result: the task has failed, as if its handler had said so. */
  static Settlement unstorable(TaskRecord task, TaskError error) {
    return new Settlement(Outcome.FAILED, null, null, task.failed(task.failures() + 1, error, Instant.now()), null);
  }

  /** A stop has interrupted the attempt, which counts as no failure. */
  static Settlement released(TaskRecord task) {
    return new Settlement(Outcome.RELEASED, null, null, task.queuedAgain(task.failures(), task.error()), Duration.ZERO);
  }

  /** The job has no entry. */
  static Settlement buried(String reason) {
    return new Settlement(Outcome.EXPIRED, null, reason, null, null);
  }

  /** Ends the job. */
  void end(Job job) {
    if (pause != null) {
      job.giveBack(pause);
    } else if (deadLetter != null) {
      job.terminate();
    } else {
      job.acknowledge();
    }
  }
}
