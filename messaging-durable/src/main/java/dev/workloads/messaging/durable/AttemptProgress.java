package dev.workloads.messaging.durable;

import static dev.workloads.messaging.durable.SettlementWriter.STEP_TIMEOUT;

import dev.workloads.messaging.BrokerException;
import java.util.Objects;
import java.util.concurrent.Semaphore;
import org.jspecify.annotations.Nullable;

/**
 * The entry of a running attempt, and what its handler reports. A report is kept until the next {@link #write}, which blocks for the
 * store; all else blocks for nothing. Safe for use by many threads.
 */
final class AttemptProgress implements TaskProgress {

  private final TaskRegister register;
  private final Semaphore writer = new Semaphore(1);
  private volatile @Nullable Progress reported;
  private TaskStatus entry; // under this: as it is in the store, for all that is known
  private boolean ended; // under this

  AttemptProgress(TaskRegister register, TaskStatus started) {
    this.register = register;
    this.entry = started;
  }

  @Override
  public void report(int percent, String text) {
    reported = new Progress(percent, text);
  }

  /** Returns the entry with the revision that is known, and with the last report, which may be still to be written. */
  synchronized TaskStatus entry() {
    return new TaskStatus(entry.id(), entry.task().withProgress(reported), entry.expires(), entry.revision());
  }

  /** Returns whether there is a report to write. */
  synchronized boolean isDue() {
    return !ended && !Objects.equals(reported, entry.task().progress());
  }

  /** Begins no more writes. One that is under way may still come before the end, or be refused. */
  synchronized void end() {
    ended = true;
  }

  /** Writes the last report, if it is due and no other thread is at it. Blocks for up to four seconds. */
  void write() {
    if (!writer.tryAcquire()) {
      return;
    }
    try {
      if (isDue()) {
        TaskStatus wanted = entry();
        written(register.replaceOrFind(wanted, wanted.task(), STEP_TIMEOUT));
      }
    } catch (BrokerException e) {
      return; // the report stays due: the next write reads the entry if this one has come through
    } finally {
      writer.release();
    }
  }

  private synchronized void written(@Nullable TaskStatus last) {
    if (last != null && last.task().isRunBy(entry.task().runner())) {
      entry = last;
    } else { // somebody else has the task by now: what was reported is dropped
      ended = true;
    }
  }
}
