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
    NO_RESPONDERS(true),
    /** The outcome is unknown: no reply in time, or the wait was cut short by an interrupt or by closing. */
    TIMEOUT(false),
    /** The connection to the broker is down or closed: the message was not sent. */
    BROKER_UNAVAILABLE(true),
    /** Body and headers exceed the broker's limit: the message was not sent. */
    PAYLOAD_TOO_LARGE(false),
    /** The worker answered with an error. */
    HANDLER_FAILED(false),
    /** The worker is full: the message was not processed. */
    OVERLOADED(true);

    private final boolean retryable;

    Reason(boolean retryable) {
      this.retryable = retryable;
    }

    /** Returns whether the message was provably not processed and may succeed if sent again. */
    public boolean isRetryable() {
      return retryable;
    }
  }

  private final Reason reason;

  public BrokerException(Reason reason, String message) {
    this(reason, message, null);
  }

  public BrokerException(Reason reason, String message, @Nullable Throwable cause) {
    super(message, cause);
    this.reason = reason;
  }

  /** Returns what went wrong. */
  public Reason reason() {
    return reason;
  }
}
