package dev.workloads.messaging.durable;

/**
 * Takes reports of how far a durable task is, from its handler. Safe for use by many threads.
 *
 * <p>A {@code @NatsListener} method has it as a parameter; any other handler gets it by {@link TaskProgresses#of}. Where the message
 * is no durable task, and once the attempt has ended, a report does nothing.
 */
@FunctionalInterface
public interface TaskProgress {

  /**
   * Reports how far the task is. Never blocks: the last report is written within about a second, or later while the store takes none.
   * It takes the place of the one before; those in between are not written. The next attempt begins without one.
   *
   * @param percent from 0 to 100
   * @param text at most 200 characters; what cannot be printed on one line is replaced
   * @throws IllegalArgumentException if a parameter is out of its bounds
   */
  void report(int percent, String text);
}
