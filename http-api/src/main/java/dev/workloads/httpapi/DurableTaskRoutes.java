package dev.workloads.httpapi;

import dev.workloads.messaging.BrokerException;
import dev.workloads.messaging.durable.Deadline;
import dev.workloads.messaging.durable.DurableTasks;
import dev.workloads.messaging.durable.IdempotencyKeyReusedException;
import dev.workloads.messaging.durable.Jobs;
import dev.workloads.messaging.durable.TaskResult;
import dev.workloads.messaging.durable.TaskState;
import dev.workloads.messaging.durable.TaskStatus;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.Semaphore;
import java.util.function.Predicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Takes durable tasks, and answers the paths of those that were taken. Who waits for a task holds one of the permits of
 * those who wait for a worker; with none free the answer is how the task is now. A tenth more of them are for submissions
 * alone, which last as long as the broker takes to answer.
 */
final class DurableTaskRoutes {

  private static final Logger log = LoggerFactory.getLogger(DurableTaskRoutes.class);
  private static final Pattern PATH = Pattern.compile("/task/([^/]+)(/result)?");

  private final DurableTasks tasks;
  private final DurableTaskReader reader;
  private final Duration timeout;
  private final DrainLifecycle drain;
  private final Semaphore inFlight;
  private final Semaphore reserve;

  DurableTaskRoutes(DurableTasks tasks, TaskProperties properties, DrainLifecycle drain, Semaphore inFlight,
      int maxBuffered) {
    this.tasks = tasks;
    this.reader = new DurableTaskReader(tasks, properties.durable().maxWait(), drain, maxBuffered);
    this.timeout = properties.requestTimeout();
    this.drain = drain;
    this.inFlight = inFlight;
    this.reserve = new Semaphore(Math.max(1, inFlight.availablePermits() / 10));
  }

  /** How a task is, with its result if it has one. */
  private record Outcome(TaskStatus status, @Nullable TaskResult result) {}

  /** Returns whether a request for a task wants a durable one. */
  static boolean isAskedFor(HttpServletRequest request) {
    return Preferences.of(request).respondAsync();
  }

  /** Submits a task, waits for it if the client does, and answers. Closes the body. */
  void submit(RequestBody body, HttpServletRequest request, HttpServletResponse response, ReplyRoom room)
      throws IOException {
    Outcome outcome = submit(body, request, room);
    drain.announceClose(request, response);
    TaskResult result = outcome.result();
    if (result != null) {
      ReplyWriter.write(response, result.contentType(), result.body());
    } else {
      TaskStatusWriter.writeAccepted(response, outcome.status());
    }
  }

  private Outcome submit(RequestBody body, HttpServletRequest request, ReplyRoom room) {
    Semaphore permit = acquirePermit();
    try (body) {
      Deadline deadline = Deadline.after(timeout);
      TaskStatus accepted = accept(body, request, deadline);
      Duration wait = permit == inFlight ? reader.wait(request) : null;
      return wait == null ? new Outcome(accepted, null) : outcome(accepted, request, wait, deadline, room);
    } finally {
      permit.release();
    }
  }

  /** Returns a permit to submit; only with one of those who wait for a worker may the client wait then. */
  private Semaphore acquirePermit() {
    if (inFlight.tryAcquire()) {
      return inFlight;
    }
    if (reserve.tryAcquire()) {
      return reserve;
    }
    throw ProblemException.tooManyRequests();
  }

  /** Submits a task; its bytes are free before anybody waits for it. */
  private TaskStatus accept(RequestBody body, HttpServletRequest request, Deadline deadline) {
    try (body) {
      String key = IdempotencyKey.of(request);
      TaskRequest task = TaskRequest.parse(body.bytes());
      return tasks.submit(task.worker(), task.payload(), key, deadline.remaining());
    } catch (IdempotencyKeyReusedException e) {
      throw new ProblemException(Problem.IDEMPOTENCY_KEY_REUSED, String.valueOf(e.getMessage()));
    }
  }

  /**
   * Waits for a task that is accepted, which the client is told also if the broker does not answer any more, or if there is
   * no room for the result.
   */
  private Outcome outcome(TaskStatus accepted, HttpServletRequest request, Duration wait, Deadline deadline,
      ReplyRoom room) {
    try {
      Duration left = deadline.remaining();
      Deadline end = Deadline.after(wait.plus(left));
      TaskStatus status = reader.await(accepted, task -> task.state().isFinished(), request, wait, left);
      if (status == null) {
        return new Outcome(accepted, null);
      }
      if (status.state() == TaskState.FAILED) {
        throw ProblemException.of(status);
      }
      return new Outcome(status, status.state() == TaskState.SUCCEEDED ? reader.result(status, room, end) : null);
    } catch (BrokerException e) {
      log.debug("A task is not waited for any more: {}", e.getMessage());
      return new Outcome(accepted, null);
    }
  }

  /** Answers a request whose path is that of a task, and returns whether it is. */
  boolean answer(HttpServletRequest request, HttpServletResponse response, ReplyRoom room) throws IOException {
    Matcher path = PATH.matcher(String.valueOf(request.getPathInfo()));
    if (!path.matches() || !Jobs.isTaskId(path.group(1))) {
      return false;
    }
    if (path.group(2) == null) {
      TaskServlet.setPathPattern(request, "/task/{id}");
      answerTask(path.group(1), request, response);
    } else {
      TaskServlet.setPathPattern(request, "/task/{id}/result");
      answerResult(path.group(1), request, response, room);
    }
    return true;
  }

  private void answerTask(String id, HttpServletRequest request, HttpServletResponse response) throws IOException {
    Preconditions preconditions = Preconditions.of(request);
    switch (request.getMethod()) {
      case "GET", "HEAD" -> {
        TaskStatus status = status(id, preconditions, request);
        if (!preconditions.matches(status)) {
          throw preconditionFailed();
        }
        drain.announceClose(request, response);
        TaskStatusWriter.write(response, status, !preconditions.isKnown(status));
      }
      case "DELETE" -> {
        cancel(id, preconditions);
        drain.announceClose(request, response);
        ProblemWriter.writeNothing(response, HttpServletResponse.SC_NO_CONTENT);
      }
      default -> {
        response.setHeader("Allow", "GET, HEAD, DELETE");
        throw new ProblemException(Problem.METHOD_NOT_ALLOWED, "a task is looked at by GET and cancelled by DELETE");
      }
    }
  }

  private TaskStatus status(String id, Preconditions preconditions, HttpServletRequest request) {
    Duration wait = reader.wait(request);
    if (wait == null || !inFlight.tryAcquire()) {
      return required(tasks.find(id, timeout));
    }
    try {
      return required(reader.await(required(tasks.find(id, timeout)), task -> task.state().isFinished()
          || !preconditions.matches(task)
          || !preconditions.noneMatch().isEmpty() && !preconditions.isKnown(task), request, wait, timeout));
    } finally {
      inFlight.release();
    }
  }

  /** A task that is cancelled already stays so, and a repeat is told that: its first answer may have been lost. */
  private void cancel(String id, Preconditions preconditions) {
    Predicate<TaskStatus> condition = task -> preconditions.matches(task) && !preconditions.isKnown(task);
    switch (required(tasks.cancel(id, condition, timeout)).state()) {
      case CANCELLED -> { }
      case QUEUED -> throw preconditionFailed();
      case RUNNING -> throw new ProblemException(Problem.ALREADY_RUNNING, "a worker is at the task");
      case SUCCEEDED, FAILED -> throw new ProblemException(Problem.ALREADY_FINISHED, "the task is finished");
    }
  }

  private static ProblemException preconditionFailed() {
    return new ProblemException(Problem.PRECONDITION_FAILED, "the task has another revision than the request is for");
  }

  private void answerResult(String id, HttpServletRequest request, HttpServletResponse response, ReplyRoom room)
      throws IOException {
    if (!List.of("GET", "HEAD").contains(request.getMethod())) {
      response.setHeader("Allow", "GET, HEAD");
      throw new ProblemException(Problem.METHOD_NOT_ALLOWED, "a result is read by GET");
    }
    Deadline deadline = Deadline.after(timeout);
    TaskStatus status = required(tasks.find(id, deadline.remaining()));
    requireSucceeded(status);
    TaskResult result = Preconditions.of(request).isKnown(status) ? null
        : required(reader.result(status, room, deadline));
    drain.announceClose(request, response);
    TaskStatusWriter.writeRevision(response, status);
    if (result == null) {
      ProblemWriter.writeNothing(response, HttpServletResponse.SC_NOT_MODIFIED);
    } else {
      ReplyWriter.write(response, result.contentType(), result.body());
    }
  }

  private static void requireSucceeded(TaskStatus status) {
    switch (status.state()) {
      case QUEUED, RUNNING -> throw new ProblemException(Problem.NOT_FINISHED, "the task is not finished");
      case CANCELLED -> throw new ProblemException(Problem.CANCELLED, "the task was cancelled");
      case FAILED -> throw ProblemException.of(status);
      case SUCCEEDED -> { }
    }
  }

  private static <T> T required(@Nullable T found) {
    if (found == null) {
      throw new ProblemException(Problem.UNKNOWN_TASK, "there is no such task, or it has expired");
    }
    return found;
  }
}
