package dev.workloads.messaging.durable;

/** A value was not written, since it has another revision than expected by now. */
public final class StaleRevisionException extends RuntimeException {

  private static final long serialVersionUID = 1L;

  public StaleRevisionException(String key) {
    super(key + " has been changed", null, false, false); // control flow: nobody reads a stack trace
  }
}
