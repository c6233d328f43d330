package dev.workloads.messaging.durable;

import dev.workloads.messaging.BrokerMessage;
import java.time.Instant;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What a worker does with a job, judged by the entry of its task. Decides only: nothing is read or written.
 *
 * @param next how the entry goes on, where the action records it
 * @param reason why the job is a dead letter, where it is one
 */
record Claim(Action action, @Nullable TaskRecord next, String reason) {

  static final String NO_TASK_ID = "no " + Jobs.TASK_ID_HEADER;
  static final String EXPIRED = "expired";
  static final String UNREADABLE = "entry unreadable";
  static final String NO_HANDLER = "no handler";
  private static final int MAX_DELIVERIES_WITHOUT_HANDLER = 20;

  enum Action {
    /** Record the start of an attempt, and make it. */
    BEGIN,
    /** Make the attempt: its start is recorded already. */
    GO_ON,
    /** The job is done. */
    ACKNOWLEDGE,
    /** Somebody is at it: leave it to them. */
    IGNORE,
    /** Others may have a handler for it. */
    GIVE_BACK,
    /** It has no task: a dead letter, and no more. */
    BURY,
    /** A dead letter, and the task has failed. */
    FAIL
  }

  /**
   * Decides.
   *
   * @param entry of the task that the job names, or {@code null} if there is none
   * @param runner the one that claims the job
   * @param ownRunners those of this worker that are at an attempt
   */
  static Claim of(Job job, @Nullable TaskEntry entry, String runner, Set<String> ownRunners, boolean hasHandler,
      int maxAttempts) {
    if (taskId(job.message()) == null || entry == null || isOfAnotherTask(job, entry.task())) {
      return new Claim(Action.BURY, null, taskId(job.message()) == null ? NO_TASK_ID : EXPIRED);
    }
    TaskRecord task = entry.task();
    boolean isRunning = task.state() == TaskState.RUNNING;
    if (isRunning && task.runner() != null && (task.runner().equals(runner) || ownRunners.contains(task.runner()))) {
      // Ours: the answer was lost. Of another thread here: while there was no connection, its lease ran out
      return new Claim(task.runner().equals(runner) ? Action.GO_ON : Action.IGNORE, null, "");
    }
    boolean isPutBack = isPutBack(job, task);
    boolean isSecondJob = task.job() != 0 && task.job() != job.sequence();
    if (!isPutBack && (isSecondJob || task.state().isFinished())) {
      return new Claim(Action.ACKNOWLEDGE, null, "");
    }
    // Found running, the attempt before ended without a word: its worker has died, or was cut off
    int failures = isPutBack ? 0 : task.failures() + (isRunning ? 1 : 0);
    if (!hasHandler) {
      return job.deliveries() < MAX_DELIVERIES_WITHOUT_HANDLER
          ? new Claim(Action.GIVE_BACK, null, NO_HANDLER) : fail(task, task.failures(), NO_HANDLER);
    }
    return failures >= maxAttempts ? fail(task, failures, "the worker ended during the attempt")
        : new Claim(Action.BEGIN, task.started(job.sequence(), runner, failures, Instant.now()), "");
  }

  private static Claim fail(TaskRecord task, int failures, String reason) {
    return new Claim(Action.FAIL, task.failed(failures, new TaskError(500, reason), Instant.now()), reason);
  }

  // Once the entry of a job has expired, its key may be that of another task; who puts a job back may change its payload
  private static boolean isOfAnotherTask(Job job, TaskRecord task) {
    String subject = job.message().subject();
    String worker = subject.substring(Math.min(subject.length(), Jobs.SUBJECT_PREFIX.length()));
    return task.job() != job.sequence() && !isPutBack(job, task)
        && !task.hash().equals(DurableTasks.hash(worker, job.message().body()));
  }

  private static boolean isPutBack(Job job, TaskRecord task) {
    return task.state() == TaskState.FAILED
        && Integer.toString(task.attempts()).equals(job.message().header(Jobs.TASK_ATTEMPTS_HEADER));
  }

  /** Returns the id of the task that a job names, or {@code null} if it names none. */
  static @Nullable String taskId(BrokerMessage job) {
    String id = job.header(Jobs.TASK_ID_HEADER);
    return id != null && Jobs.isTaskId(id) ? id : null;
  }
}
