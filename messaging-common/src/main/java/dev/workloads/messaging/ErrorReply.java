package dev.workloads.messaging;

import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * An error in place of a result, as the NATS service API sends it (ADR-32): an empty body and two headers.
 *
 * @param code 400 the message is at fault, 500 the handler failed, 503 the worker is full
 * @param text why, as printable ASCII of at most 256 characters
 */
public record ErrorReply(int code, String text) {

  /** The header that holds the text. */
  public static final String TEXT_HEADER = "Nats-Service-Error";
  /** The header that holds the code. */
  public static final String CODE_HEADER = "Nats-Service-Error-Code";

  private static final int FULL = 503;
  private static final int FAILED = 500;
  private static final int MAX_LENGTH = 256;

  public ErrorReply {
    text = sanitise(text);
  }

  /** Creates the reply of a worker that is full. */
  public static ErrorReply full() {
    return new ErrorReply(FULL, "worker is full");
  }

  /** Creates the reply for what a handler threw: a rejection's own text, or a general one that gives nothing away. */
  public static ErrorReply of(Throwable failure) {
    if (failure instanceof MessageRejectedException rejection) {
      return new ErrorReply(rejection.code(), String.valueOf(rejection.getMessage()));
    }
    if (failure instanceof BrokerException messaging
        && messaging.reason() == BrokerException.Reason.PAYLOAD_TOO_LARGE) {
      return new ErrorReply(FAILED, "reply too large");
    }
    return new ErrorReply(FAILED, "handler failed");
  }

  /** Returns the error that the reply stands for, or {@code null} if it is a result. */
  public static @Nullable ErrorReply from(BrokerMessage reply) {
    String text = reply.header(TEXT_HEADER);
    String code = reply.header(CODE_HEADER);
    if (text == null && code == null) {
      return null;
    }
    return new ErrorReply(parse(code), text == null ? "" : text);
  }

  /** Returns the message that carries this error to the requester. */
  public BrokerMessage toMessage(String replyTo) {
    return new BrokerMessage(replyTo, new byte[0], null,
        Map.of(TEXT_HEADER, List.of(text), CODE_HEADER, List.of(Integer.toString(code))));
  }

  /** Returns what a requester's client throws for this error. */
  BrokerException toException() {
    return new BrokerException(
        code == FULL ? BrokerException.Reason.OVERLOADED : BrokerException.Reason.HANDLER_FAILED, text);
  }

  private static int parse(@Nullable String code) {
    try {
      return code == null ? FAILED : Integer.parseInt(code.trim());
    } catch (NumberFormatException e) {
      return FAILED;
    }
  }

  // A header value must stay on one line of ASCII, and a requester's log must not be written by the worker
  private static String sanitise(String text) {
    StringBuilder printable = new StringBuilder();
    text.codePoints().limit(MAX_LENGTH)
        .forEach(c -> printable.append(c >= ' ' && c < 0x7F ? (char) c : Character.isWhitespace(c) ? ' ' : '?'));
    return printable.toString().isBlank() ? "handler failed" : printable.toString().trim();
  }
}
