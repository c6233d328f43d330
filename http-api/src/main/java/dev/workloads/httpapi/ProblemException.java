package dev.workloads.httpapi;

/** Ends a request with a problem. */
final class ProblemException extends RuntimeException {

  private static final long serialVersionUID = 1L;

  private final Problem problem;
  private final String text;

  ProblemException(Problem problem, String text) {
    super(text, null, false, false); // control flow: nobody reads a stack trace
    this.problem = problem;
    this.text = text;
  }

  Problem problem() {
    return problem;
  }

  /** Returns what the client reads. */
  String text() {
    return text;
  }
}
