package dev.workloads.messaging;

/** Thrown at the start for a configuration that cannot work, such as that of a listener which could never handle a message. */
public class InvalidConfigurationException extends RuntimeException {

  private static final long serialVersionUID = 1L;

  private final String problem;
  private final String advice;

  /**
   * Creates the exception.
   *
   * @param problem what is wrong, and where, as a sentence
   * @param advice what to do, as a sentence
   */
  public InvalidConfigurationException(String problem, String advice) {
    super(problem + " " + advice);
    this.problem = problem;
    this.advice = advice;
  }

  /** Returns what is wrong. */
  public final String problem() {
    return problem;
  }

  /** Returns what to do. */
  public final String advice() {
    return advice;
  }
}
