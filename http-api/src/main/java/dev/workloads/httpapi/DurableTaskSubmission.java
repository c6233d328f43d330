package dev.workloads.httpapi;

import dev.workloads.messaging.BrokerException;
import dev.workloads.messaging.durable.Deadline;
import dev.workloads.messaging.durable.DurableTasks;
import dev.workloads.messaging.durable.IdempotencyKeyReusedException;
import dev.workloads.messaging.durable.NewTask;
import dev.workloads.messaging.durable.TaskResult;
import dev.workloads.messaging.durable.TaskState;
import dev.workloads.messaging.durable.TaskStatus;
import jakarta.servlet.http.HttpServletRequest;
import java.time.Duration;
import java.util.concurrent.Semaphore;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Submits durable tasks. A submission holds one of the permits for requests that wait for a worker, and may wait for its
 * task. With none free, it holds one of a reserve, a tenth as many, and is answered once the broker has the task.
 */
final class DurableTaskSubmission {

  private static final Logger log = LoggerFactory.getLogger(DurableTaskSubmission.class);

  private final DurableTasks tasks;
  private final DurableTaskReader reader;
  private final Duration timeout;
  private final TaskIds ids;
  private final Semaphore inFlight;
  private final Semaphore reserve;

  DurableTaskSubmission(DurableTasks tasks, DurableTaskReader reader, Duration timeout, TaskIds ids, Semaphore inFlight) {
    this.ids = ids;
    this.tasks = tasks;
    this.reader = reader;
    this.timeout = timeout;
    this.inFlight = inFlight;
    this.reserve = new Semaphore(Math.max(1, inFlight.availablePermits() / 10));
  }

  /** Returns whether a request for a task wants a durable one. */
  static boolean isAskedFor(HttpServletRequest request) {
    return Preferences.of(request).respondAsync();
  }

  /** Submits a task, and waits for it if the client does. Closes the body. */
  AnswerWriter submit(RequestBody body, HttpServletRequest request, ReplyRoom room, Client client) {
    Semaphore permit = acquirePermit();
    try {
      Deadline deadline = Deadline.after(timeout);
      TaskStatus accepted = accept(body, request, client, deadline);
      Duration wait = permit == inFlight ? reader.wait(request) : null;
      return wait == null ? accepted(accepted) : outcome(accepted, request, wait, deadline, room);
    } finally {
      permit.release();
    }
  }

  /** Returns a permit to submit: one of the reserve if no other is free. */
  private Semaphore acquirePermit() {
    if (inFlight.tryAcquire()) {
      return inFlight;
    }
    if (reserve.tryAcquire()) {
      return reserve;
    }
    throw ProblemException.overloaded();
  }

  /** Submits a task. The bytes of its body are free before anybody waits for the task. */
  private TaskStatus accept(RequestBody body, HttpServletRequest request, Client client, Deadline deadline) {
    try (body) {
      String key = IdempotencyKey.of(request);
      TaskRequest task = TaskRequest.parse(body.bytes(), client);
      String id = key == null ? null : ids.id(client.name(), key);
      return tasks.submit(new NewTask(task.worker(), task.payload(), id, client.name()), deadline.remaining());
    } catch (IdempotencyKeyReusedException e) {
      throw new ProblemException(Problem.IDEMPOTENCY_KEY_REUSED, String.valueOf(e.getMessage()));
    }
  }

  /**
   * Waits for a task that is accepted. If the broker stops answering, or the result finds no room, the client still learns
   * that the task is accepted.
   */
  private AnswerWriter outcome(TaskStatus accepted, HttpServletRequest request, Duration wait, Deadline deadline,
      ReplyRoom room) {
    try {
      Duration left = deadline.remaining();
      Deadline end = Deadline.after(wait.plus(left));
      TaskStatus status = reader.await(accepted, task -> task.state().isFinished(), request, wait, left);
      if (status != null && status.state() == TaskState.FAILED) {
        throw ProblemException.of(status);
      }
      TaskResult result = status != null && status.state() == TaskState.SUCCEEDED
          ? reader.result(status, room, end) : null;
      return result == null ? accepted(status == null ? accepted : status)
          : to -> ReplyWriter.write(to, result.contentType(), result.body());
    } catch (BrokerException e) {
      log.debug("The wait for a task ends early, and its client learns that the task is accepted: {}", e.getMessage());
      return accepted(accepted);
    }
  }

  private static AnswerWriter accepted(TaskStatus status) {
    return response -> TaskStatusWriter.writeAccepted(response, status);
  }
}
