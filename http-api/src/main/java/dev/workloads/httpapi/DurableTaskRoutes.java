package dev.workloads.httpapi;

import dev.workloads.messaging.durable.Deadline;
import dev.workloads.messaging.durable.DurableTasks;
import dev.workloads.messaging.durable.Jobs;
import dev.workloads.messaging.durable.TaskResult;
import dev.workloads.messaging.durable.TaskStatus;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.Semaphore;
import java.util.function.Predicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Answers the paths of durable tasks. A request that waits for a task holds one of the permits for requests that wait for a
 * worker. With no permit free, the answer is how the task is now.
 */
final class DurableTaskRoutes {

  private static final Pattern PATH = Pattern.compile("/task/([^/]+)(/result)?");

  private final DurableTasks tasks;
  private final DurableTaskReader reader;
  private final Duration timeout;
  private final Semaphore inFlight;
  private final DurableTaskSubmission submission;

  DurableTaskRoutes(DurableTasks tasks, TaskProperties properties, DrainLifecycle drain, Semaphore inFlight,
      int maxBuffered) {
    this.tasks = tasks;
    this.reader = new DurableTaskReader(tasks, properties.durable().maxWait(), drain, maxBuffered);
    this.timeout = properties.requestTimeout();
    this.inFlight = inFlight;
    this.submission = new DurableTaskSubmission(tasks, reader, timeout, new TaskIds(properties.durable().idSecret()), inFlight);
  }

  /** Submits a task, and waits for it if the client does. Closes the body. */
  AnswerWriter submit(RequestBody body, HttpServletRequest request, ReplyRoom room, Client client) {
    return submission.submit(body, request, room, client);
  }

  /** Works on a request for a path of a task; returns {@code null} if it is not. A foreign task is as if it were not there. */
  @Nullable AnswerWriter answer(HttpServletRequest request, HttpServletResponse response, ReplyRoom room, Client client) {
    Matcher path = PATH.matcher(String.valueOf(request.getPathInfo()));
    if (!path.matches() || !Jobs.isTaskId(path.group(1))) {
      return null;
    }
    boolean result = path.group(2) != null;
    TaskServlet.setPathPattern(request, result ? "/task/{id}/result" : "/task/{id}");
    return result ? result(path.group(1), request, response, room, client) : task(path.group(1), request, response, client);
  }

  private AnswerWriter task(String id, HttpServletRequest request, HttpServletResponse response, Client client) {
    Preconditions preconditions = Preconditions.of(request);
    return switch (request.getMethod()) {
      case "GET", "HEAD" -> look(id, preconditions, request, client);
      case "DELETE" -> cancel(id, preconditions, client);
      default -> {
        response.setHeader("Allow", "GET, HEAD, DELETE");
        throw new ProblemException(Problem.METHOD_NOT_ALLOWED, "a task is looked at by GET and cancelled by DELETE");
      }
    };
  }

  private AnswerWriter look(String id, Preconditions preconditions, HttpServletRequest request, Client client) {
    TaskStatus status = status(id, preconditions, request, client);
    if (!preconditions.matches(status)) {
      throw preconditionFailed();
    }
    return to -> TaskStatusWriter.write(to, status, !preconditions.isKnown(status));
  }

  private TaskStatus status(String id, Preconditions preconditions, HttpServletRequest request, Client client) {
    Duration wait = reader.wait(request);
    if (wait == null || !inFlight.tryAcquire()) {
      return owned(tasks.find(id, timeout), client);
    }
    try {
      return owned(reader.await(owned(tasks.find(id, timeout), client), task -> task.state().isFinished()
          || !preconditions.matches(task)
          || !preconditions.noneMatch().isEmpty() && !preconditions.isKnown(task), request, wait, timeout), client);
    } finally {
      inFlight.release();
    }
  }

  /** Cancels a task. A repeat succeeds like the first request, whose answer may have been lost. */
  private AnswerWriter cancel(String id, Preconditions preconditions, Client client) {
    Predicate<TaskStatus> condition = task -> client.owns(task) && preconditions.matches(task) && !preconditions.isKnown(task);
    return switch (owned(tasks.cancel(id, condition, timeout), client).state()) {
      case CANCELLED -> to -> ProblemWriter.writeNothing(to, HttpServletResponse.SC_NO_CONTENT);
      case QUEUED -> throw preconditionFailed();
      case RUNNING -> throw new ProblemException(Problem.ALREADY_RUNNING, "a worker is at the task");
      case SUCCEEDED, FAILED -> throw new ProblemException(Problem.ALREADY_FINISHED, "the task is finished");
    };
  }

  private static ProblemException preconditionFailed() {
    return new ProblemException(Problem.PRECONDITION_FAILED, "the task has another revision than the request is for");
  }

  private AnswerWriter result(String id, HttpServletRequest request, HttpServletResponse response, ReplyRoom room,
      Client client) {
    if (!List.of("GET", "HEAD").contains(request.getMethod())) {
      response.setHeader("Allow", "GET, HEAD");
      throw new ProblemException(Problem.METHOD_NOT_ALLOWED, "a result is read by GET");
    }
    Deadline deadline = Deadline.after(timeout);
    TaskStatus status = owned(tasks.find(id, deadline.remaining()), client);
    requireSucceeded(status);
    if (Preconditions.of(request).isKnown(status)) {
      return to -> TaskStatusWriter.write(to, status, false);
    }
    TaskResult result = reader.result(status, room, deadline);
    if (result == null) {
      throw unknownTask();
    }
    return to -> {
      TaskStatusWriter.writeRevision(to, status);
      ReplyWriter.write(to, result.contentType(), result.body());
    };
  }

  private static void requireSucceeded(TaskStatus status) {
    switch (status.state()) {
      case QUEUED, RUNNING -> throw new ProblemException(Problem.NOT_FINISHED, "the task is not finished");
      case CANCELLED -> throw new ProblemException(Problem.CANCELLED, "the task was cancelled");
      case FAILED -> throw ProblemException.of(status);
      case SUCCEEDED -> { }
    }
  }

  private static TaskStatus owned(@Nullable TaskStatus found, Client client) {
    if (found == null || !client.owns(found)) {
      throw unknownTask();
    }
    return found;
  }

  private static ProblemException unknownTask() {
    return new ProblemException(Problem.UNKNOWN_TASK, "there is no such task, or it has expired");
  }
}
