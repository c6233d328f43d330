package dev.workloads.messaging.durable.operations;

/** Another retry or deletion of dead letters is under way. */
public final class RunningException extends RuntimeException {

  private static final long serialVersionUID = 1L;

  RunningException() {
    super("another retry or deletion is under way: wait for its end", null, false, false); // nobody reads a stack trace
  }
}
