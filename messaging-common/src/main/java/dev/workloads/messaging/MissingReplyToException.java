package dev.workloads.messaging;

/** Thrown where a reply is due and the message names no subject to send it to. */
public final class MissingReplyToException extends MessageRejectedException {

  private static final long serialVersionUID = 1L;

  MissingReplyToException() {
    super("missing reply_to");
  }
}
