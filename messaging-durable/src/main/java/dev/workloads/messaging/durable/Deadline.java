package dev.workloads.messaging.durable;

import dev.workloads.messaging.BrokerException;
import dev.workloads.messaging.BrokerException.Reason;
import java.time.Duration;

/**
 * A point in time by which all steps of something have to be done.
 *
 * @param nanoTime the time, as {@link System#nanoTime} counts it
 */
public record Deadline(long nanoTime) {

  /** Returns the deadline that the timeout from now on ends with. */
  public static Deadline after(Duration timeout) {
    return new Deadline(System.nanoTime() + timeout.toNanos());
  }

  /** Returns whether no time is left. */
  public boolean isOver() {
    return nanoTime - System.nanoTime() <= 0;
  }

  /**
   * Returns how long is left.
   *
   * @throws BrokerException {@code TIMEOUT} if nothing is
   */
  public Duration remaining() {
    long nanos = nanoTime - System.nanoTime();
    if (nanos <= 0) {
      throw new BrokerException(Reason.TIMEOUT, "the message broker did not answer in time");
    }
    return Duration.ofNanos(nanos);
  }
}
