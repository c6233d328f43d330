package dev.workloads.messaging.durable;

import dev.workloads.messaging.BrokerMessage;
import java.time.Instant;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What a worker does with a job, judged by the entry of its task. Decides only: nothing is read or written.
 *
 * @param entry what the action changes, or {@code null} if it changes none
 * @param started how the entry goes on, if an attempt begins
 * @param settlement how the job ends, if it does
 */
record Claim(Action action, @Nullable TaskStatus entry, @Nullable TaskRecord started, @Nullable Settlement settlement) {

  private static final int MAX_DELIVERIES_WITHOUT_HANDLER = 20;

  enum Action {
    /** Record the start of an attempt, and make it. */
    BEGIN,
    /** Make the attempt: its start is recorded already. */
    GO_ON,
    /** The job is done. */
    ACKNOWLEDGE,
    /** Another thread of this worker is at the task: leave the job alone. */
    IGNORE,
    /** This worker has no handler for the job, and another one may have. */
    GIVE_BACK,
    /** There is no attempt to make: write how the job ends. */
    SETTLE
  }

  /**
   * Decides.
   *
   * @param entry of the task that the job names, or {@code null} if there is none
   * @param runner the one that claims the job
   * @param ownRunners those of this worker that claim jobs or are at an attempt
   */
  static Claim of(Job job, @Nullable TaskStatus entry, String runner, Set<String> ownRunners, boolean hasHandler,
      int maxAttempts) {
    if (entry == null || isOfAnotherTask(job, entry.task())) {
      return bury(taskId(job.message()) == null ? "no " + Jobs.TASK_ID_HEADER : Jobs.EXPIRED);
    }
    TaskRecord task = entry.task();
    boolean isRunning = task.state() == TaskState.RUNNING;
    if (task.isRunBy(runner)) { // the answer to the write was lost
      return new Claim(Action.GO_ON, entry, null, null);
    }
    if (isRunning && task.runner() != null && ownRunners.contains(task.runner())) { // its lease ran out without a connection
      return new Claim(Action.IGNORE, null, null, null);
    }
    boolean isPutBack = isPutBack(job.message(), task);
    boolean isSecondJob = task.job() != 0 && task.job() != job.sequence();
    if (!isPutBack && (isSecondJob || task.state().isFinished())) {
      return new Claim(Action.ACKNOWLEDGE, null, null, null);
    }
    if (!hasHandler) {
      return job.deliveries() < MAX_DELIVERIES_WITHOUT_HANDLER ? new Claim(Action.GIVE_BACK, null, null, null)
          : fail(entry, task.failures(), "no handler");
    }
    // A task that is running still has lost the worker of its former attempt
    int failures = isPutBack ? 0 : task.failures() + (isRunning ? 1 : 0);
    return failures >= maxAttempts ? fail(entry, failures, "the worker ended during the attempt")
        : new Claim(Action.BEGIN, entry, task.started(job.sequence(), runner, failures, Instant.now()), null);
  }

  /** The job becomes a dead letter, whatever the entry of its task. */
  static Claim bury(String reason) {
    return new Claim(Action.SETTLE, null, null, Settlement.buried(reason));
  }

  private static Claim fail(TaskStatus entry, int failures, String reason) {
    return new Claim(Action.SETTLE, entry, null, Settlement.givenUp(entry.task(), failures, new TaskError(500, reason)));
  }

  // The key of an entry that has expired may be that of another task by now. An operator may put a job back with another payload
  private static boolean isOfAnotherTask(Job job, TaskRecord task) {
    String subject = job.message().subject();
    String worker = subject.substring(Math.min(subject.length(), Jobs.SUBJECT_PREFIX.length()));
    return task.job() != job.sequence() && !isPutBack(job.message(), task)
        && !task.hash().equals(TaskRegister.hash(worker, job.message().body()));
  }

  /** Returns whether a job starts a failed task anew: it names the attempts of the entry. */
  static boolean isPutBack(BrokerMessage job, TaskRecord task) {
    return task.state() == TaskState.FAILED && hasAttemptsOf(job, task);
  }

  static boolean hasAttemptsOf(BrokerMessage job, TaskRecord task) {
    return Integer.toString(task.attempts()).equals(job.header(Jobs.TASK_ATTEMPTS_HEADER));
  }

  /** Returns the id of the task that a job names, or {@code null} if it names none. */
  static @Nullable String taskId(BrokerMessage job) {
    String id = job.header(Jobs.TASK_ID_HEADER);
    return id != null && Jobs.isTaskId(id) ? id : null;
  }
}
