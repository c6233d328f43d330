package dev.workloads.httpapi;

import dev.workloads.messaging.BrokerException;
import dev.workloads.messaging.durable.TaskError;
import dev.workloads.messaging.durable.TaskStatus;

/** Ends a request with a problem; the client reads the message. */
final class ProblemException extends RuntimeException {

  private static final long serialVersionUID = 1L;

  private final Problem problem;
  private final int code;
  private final int retryAfter;

  ProblemException(Problem problem, String text) {
    this(problem, 0, text);
  }

  private ProblemException(Problem problem, int code, String text) {
    this(problem, code, text, problem.status() == 503 ? 1 : 0);
  }

  private ProblemException(Problem problem, int code, String text, int retryAfter) {
    super(text, null, false, false); // control flow: nobody reads a stack trace
    this.problem = problem;
    this.code = code;
    this.retryAfter = retryAfter;
  }

  /** Ends a request that is not as the API wants it. */
  static ProblemException invalid(String text) {
    return new ProblemException(Problem.INVALID_REQUEST, text);
  }

  /** Ends a request of a client that asks for more than it may; the next one may come after so many seconds. */
  static ProblemException tooManyRequests(String text, int retryAfter) {
    return new ProblemException(Problem.TOO_MANY_REQUESTS, 0, text, retryAfter);
  }

  /** Ends a request whose message the broker did not take, or whose worker did not do it. */
  static ProblemException of(BrokerException failure) {
    return new ProblemException(Problem.of(failure.reason()), failure.code(), String.valueOf(failure.getMessage()));
  }

  /** Ends a request whose failure is ours; the client gets no more of it. */
  static ProblemException internalError() {
    return new ProblemException(Problem.INTERNAL_ERROR, "the request failed, the cause is in the log");
  }

  /** Ends a request for which there is no room now. */
  static ProblemException overloaded() {
    return new ProblemException(Problem.OVERLOADED, "too many requests are being processed, try again later");
  }

  /** Ends a request for the result of a task that has failed. */
  static ProblemException of(TaskStatus failed) {
    TaskError error = failed.error() == null ? new TaskError(500, "") : failed.error();
    return new ProblemException(Problem.of(error), error.code(), TaskStatusWriter.text(error));
  }

  Problem problem() {
    return problem;
  }

  /** Returns after how many seconds the client may try again, or 0 if that is not known. */
  int retryAfter() {
    return retryAfter;
  }

  /** Returns the code of a worker's error, or 0 for none. */
  int code() {
    return code;
  }
}
