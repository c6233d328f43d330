package dev.workloads.messaging;

/** Thrown by a handler to tell the requester why its message was not processed. */
public class MessageRejectedException extends RuntimeException {

  private static final long serialVersionUID = 1L;

  private final int code;

  /** Rejects a message that is itself at fault (code 400). */
  public MessageRejectedException(String text) {
    this(400, text);
  }

  /**
   * Rejects a message.
   *
   * @param code the {@code Nats-Service-Error-Code}: 400 the message is at fault, 500 the handler failed, 503 the
   *     worker is full, so that the requester may try again
   * @param text what the requester is told: at most 256 characters on one line, of any script
   */
  public MessageRejectedException(int code, String text) {
    super(text);
    if (code < 400 || code > 599) {
      throw new IllegalArgumentException("an error code must be from 400 to 599, not " + code);
    }
    this.code = code;
  }

  /** Returns the error code, 400 to 599. */
  public int code() {
    return code;
  }
}
