package dev.workloads.httpapi;

import dev.workloads.httpapi.tomcat.InputValve;
import dev.workloads.messaging.BrokerException;
import dev.workloads.messaging.BrokerException.Reason;
import dev.workloads.messaging.durable.Deadline;
import dev.workloads.messaging.durable.DurableTasks;
import dev.workloads.messaging.durable.TaskResult;
import dev.workloads.messaging.durable.TaskStatus;
import jakarta.servlet.http.HttpServletRequest;
import java.time.Duration;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/** Waits for durable tasks and reads their results. Its methods block, and any number of threads may call them. */
final class DurableTaskReader {

  private static final int RESULT_SIZE = 1 << 20; // the most that NATS takes, unless told otherwise

  private final DurableTasks tasks;
  private final Duration maxWait;
  private final DrainLifecycle drain;
  // The size of a result is not known before it is read. All reads together hold half as much as the rooms at most
  private final Semaphore reads;

  DurableTaskReader(DurableTasks tasks, Duration maxWait, DrainLifecycle drain, int maxBuffered) {
    this.tasks = tasks;
    this.maxWait = maxWait;
    this.drain = drain;
    this.reads = new Semaphore(Math.max(1, maxBuffered / 2 / RESULT_SIZE), true);
  }

  /** Returns how long the client waits, no longer than it may, or {@code null} if it does not say. */
  @Nullable Duration wait(HttpServletRequest request) {
    Duration wait = Preferences.of(request).longestWait();
    return wait != null && wait.compareTo(maxWait) > 0 ? maxWait : wait;
  }

  /** Waits until a task is as wanted, the time is over, the client has gone, or a stop begins. */
  @Nullable TaskStatus await(TaskStatus known, Predicate<TaskStatus> wanted, HttpServletRequest request, Duration wait,
      Duration lookTimeout) {
    try {
      return tasks.await(known, wanted, () -> drain.isDraining() || InputValve.isEnded(request), wait, lookTimeout);
    } catch (InterruptedException e) {
      throw interrupted();
    }
  }

  /** Reads a result, and keeps the room that it needs. Few are read at once. */
  @Nullable TaskResult result(TaskStatus succeeded, ReplyRoom room, Deadline deadline) {
    acquireRead(deadline);
    try {
      TaskResult result = tasks.result(succeeded, deadline.remaining());
      if (result != null && !room.fit(result.body().length)) {
        throw new BrokerException(Reason.OVERLOADED, ReplyRoom.FULL);
      }
      return result;
    } finally {
      reads.release();
    }
  }

  private void acquireRead(Deadline deadline) {
    try {
      if (!reads.tryAcquire(deadline.remaining().toNanos(), TimeUnit.NANOSECONDS)) {
        throw new BrokerException(Reason.OVERLOADED, "too many results are being read, try again later");
      }
    } catch (InterruptedException e) {
      throw interrupted();
    }
  }

  private static BrokerException interrupted() {
    Thread.currentThread().interrupt();
    return new BrokerException(Reason.TIMEOUT, "the wait for the task was interrupted");
  }
}
