package dev.workloads.messaging.listener;

/** Thrown at the start for a listener that could never handle a message as it is declared. */
public final class InvalidListenerException extends RuntimeException {

  private static final long serialVersionUID = 1L;

  private final String problem;
  private final String advice;

  /**
   * Creates the exception.
   *
   * @param problem what is wrong with which listener, as a sentence
   * @param advice what to do, as a sentence
   */
  public InvalidListenerException(String problem, String advice) {
    super(problem + " " + advice);
    this.problem = problem;
    this.advice = advice;
  }

  /** Returns what is wrong with which listener. */
  public String problem() {
    return problem;
  }

  /** Returns what to do. */
  public String advice() {
    return advice;
  }
}
