package dev.workloads.messaging.durable;

import java.util.concurrent.Future;

/**
 * One attempt at a task, from its start until the handler returns or is interrupted, whichever comes first: that decides who
 * records how it ended. Used by the handler's thread, and by those that interrupt it.
 */
final class JobRun {

  private final Job job;
  private final TaskEntry entry;
  private final Future<?> leaseRenewal;
  private final Thread handler = Thread.currentThread();
  private final Deadline deadline;
  private boolean ended; // under this

  /** Begins a run on the handler's thread. */
  JobRun(Job job, TaskEntry entry, Future<?> leaseRenewal, Deadline deadline) {
    this.job = job;
    this.entry = entry;
    this.leaseRenewal = leaseRenewal;
    this.deadline = deadline;
  }

  Job job() {
    return job;
  }

  /** Returns the task's entry as this run has written it. */
  TaskEntry entry() {
    return entry;
  }

  /** Returns when the attempt has taken too long. */
  Deadline deadline() {
    return deadline;
  }

  /** Ends the run because the handler has returned; returns whether it was not interrupted before. */
  synchronized boolean end() {
    boolean first = !ended;
    ended = true;
    Thread.interrupted(); // it must not reach what the thread does next
    return first;
  }

  /** Ends the run by interrupting its handler; returns whether it had not ended before. */
  synchronized boolean interrupt() {
    if (ended) {
      return false;
    }
    ended = true;
    leaseRenewal.cancel(false);
    handler.interrupt();
    return true;
  }
}
