package dev.workloads.httpapi;

/** Ends a request with a problem; the message is what the client reads. */
final class ProblemException extends RuntimeException {

  private static final long serialVersionUID = 1L;

  private final Problem problem;

  ProblemException(Problem problem, String message) {
    super(message, null, false, false); // control flow: nobody reads a stack trace
    this.problem = problem;
  }

  Problem problem() {
    return problem;
  }
}
