package dev.workloads.messaging.durable;

import static java.util.Objects.requireNonNull;

import dev.workloads.messaging.durable.JobMetrics.Outcome;
import dev.workloads.messaging.listener.FailureLog;
import java.time.Duration;
import org.jspecify.annotations.Nullable;
import org.slf4j.event.Level;

/** Writes how jobs end, counts and logs it. Safe for use by many threads; throws and blocks as the store does. */
final class SettlementWriter {

  static final Duration STEP_TIMEOUT = Duration.ofSeconds(2);

  private final TaskRegister register;
  private final DeadLetters deadLetters;
  private final JobMetrics metrics;
  private final FailureLog failures;

  SettlementWriter(TaskRegister register, DeadLetters deadLetters, JobMetrics metrics, FailureLog failures) {
    this.register = register;
    this.deadLetters = deadLetters;
    this.metrics = metrics;
    this.failures = failures;
  }

  /**
   * Writes the result, then the dead letter, then the entry, and ends the job at last. A worker that dies in between has not
   * ended the job: the job comes again, and who gets it looks at the entry. May be repeated.
   *
   * @param entry as the job's attempt has found or written it, or {@code null} if the job has none
   */
  void write(Attempt attempt, @Nullable TaskStatus entry, Settlement wanted) {
    Job job = attempt.job();
    Settlement end = wanted;
    if (entry != null && wanted.result() != null) {
      TaskError refusal = register.putResult(entry, wanted.result(), STEP_TIMEOUT);
      end = refusal == null ? wanted : Settlement.unstorable(entry.task(), refusal);
    }
    if (end.deadLetter() != null && !deadLetters.add(job, entry, end.deadLetter(), STEP_TIMEOUT)) {
      return; // the job stays in its queue
    }
    if (entry != null && end.next() != null) {
      TaskStatus last = register.replaceOrFind(entry, end.next(), STEP_TIMEOUT);
      if (last != null && last.task().isRunBy(attempt.runner())) { // a report of the attempt itself came in between, the last one
        last = register.replaceOrFind(last, end.next(), STEP_TIMEOUT);
      }
      if (last == null || !last.task().equals(end.next())) {
        superseded(job, entry);
        return;
      }
    }
    end.end(job);
    tell(job, Attempt.name(job, entry), end);
  }

  private void tell(Job job, String name, Settlement end) {
    metrics.ended(end.outcome());
    if (end.outcome() == Outcome.SUCCEEDED && end.next() != null) {
      metrics.succeeded(Duration.between(end.next().submitted(), requireNonNull(end.next().finished())));
    } else if (end.outcome() == Outcome.RETRIED) {
      failures.log(Level.WARN, job.message(), "An attempt has failed, the next one is in " + end.pause() + " (" + name + ")");
    } else if (end.deadLetter() != null) {
      failures.log(Level.ERROR, job.message(), "A job is a dead letter now: " + end.deadLetter() + " (" + name + ")");
    } else if (end.outcome() == Outcome.FAILED && end.next() != null) {
      failures.log(Level.ERROR, job.message(), "A result cannot be stored, so the task has failed: "
          + requireNonNull(end.next().error()).text() + " (" + name + ")");
    }
  }

  /** Counts and logs that another worker or a client has changed a task during its attempt. */
  void superseded(Job job, TaskStatus entry) {
    failures.log(Level.WARN, job.message(), "Another worker or a client has changed the task, so what this attempt did is "
        + "dropped (" + Attempt.name(job, entry) + ")");
    metrics.ended(Outcome.SUPERSEDED);
  }
}
