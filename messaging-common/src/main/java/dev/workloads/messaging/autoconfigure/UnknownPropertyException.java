package dev.workloads.messaging.autoconfigure;

/** Thrown at the start for properties that nobody knows. */
final class UnknownPropertyException extends RuntimeException {

  private static final long serialVersionUID = 1L;

  UnknownPropertyException(String problems) {
    super(problems);
  }
}
