package dev.workloads.messaging.durable;

/** The entry of a task cannot be read: a foreign client has written it. */
final class UnreadableEntryException extends RuntimeException {

  private static final long serialVersionUID = 1L;

  UnreadableEntryException(String id) {
    super("the entry of task " + id + " cannot be read", null, false, false); // bad input: nobody reads a stack trace
  }
}
