package dev.workloads.messaging;

import org.jspecify.annotations.Nullable;

/**
 * Tells why a request or a publish did not succeed.
 *
 * <p>The message is fit for a caller outside: it names no address, no class and no payload.
 */
public final class BrokerException extends RuntimeException {

  private static final long serialVersionUID = 1L;

  /** What went wrong. */
  public enum Reason {
    /** Nobody is subscribed to the subject: the message was not processed. */
    NO_RESPONDERS,
    /** The outcome is unknown: no reply in time, or the wait was cut short by an interrupt or by closing. */
    TIMEOUT,
    /** The connection to the broker is down or closed, or the broker refuses the message: it was not sent. */
    BROKER_UNAVAILABLE,
    /** Body and headers exceed the broker's limit: the message was not sent. */
    PAYLOAD_TOO_LARGE,
    /** The worker answered that the message is at fault: an error reply with a code from 400 to 499. */
    HANDLER_REJECTED,
    /** The worker answered with any other error. */
    HANDLER_FAILED,
    /** The worker answered that it is full, by code 503. */
    OVERLOADED,
    /** Some of the replies of a stream are missing: they were lost on the way. */
    STREAM_BROKEN
  }

  private final Reason reason;
  private final int code;
  private final boolean retryable;

  public BrokerException(Reason reason, String message) {
    this(reason, message, null);
  }

  public BrokerException(Reason reason, String message, @Nullable Throwable cause) {
    this(reason, message, cause, 0, reason == Reason.NO_RESPONDERS || reason == Reason.BROKER_UNAVAILABLE);
  }

  BrokerException(Reason reason, String message, @Nullable Throwable cause, int code, boolean retryable) {
    super(message, cause);
    this.reason = reason;
    this.code = code;
    this.retryable = retryable;
  }

  /**
   * Creates an exception for what the broker has refused and would refuse again, such as for want of a right:
   * {@code BROKER_UNAVAILABLE}, which is not retryable.
   */
  public static BrokerException refused(String message) {
    return new BrokerException(Reason.BROKER_UNAVAILABLE, message, null, 0, false);
  }

  /** Returns what went wrong. */
  public Reason reason() {
    return reason;
  }

  /** Returns the code of the worker's error reply, or 0 if there was none. */
  public int code() {
    return code;
  }

  /** Returns whether the message was provably not processed and may succeed if sent again. */
  public boolean isRetryable() {
    return retryable;
  }
}
