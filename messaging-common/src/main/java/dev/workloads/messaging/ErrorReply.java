package dev.workloads.messaging;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.workloads.messaging.BrokerException.Reason;
import java.net.URLDecoder;
import java.net.URLEncoder;
import org.jspecify.annotations.Nullable;

/**
 * An error in place of a result, as the NATS service API sends it (ADR-32): an empty body and headers.
 *
 * @param code 400 to 499 the message is at fault, 503 the worker is full, any other the handler failed
 * @param text why, in at most 256 characters on one line
 * @param notProcessed whether no handler has seen the message, so that it may be sent again
 */
public record ErrorReply(int code, String text, boolean notProcessed) {

  /** The header that holds the text. */
  public static final String TEXT_HEADER = "Nats-Service-Error";
  /** The header that holds the code. */
  public static final String CODE_HEADER = "Nats-Service-Error-Code";
  /** The header that says {@code true} where no handler has seen the message. */
  public static final String NOT_PROCESSED_HEADER = "Not-Processed";

  /**
   * The header that holds the text once more, as percent-encoded UTF-8, where it is not ASCII. Values of headers are
   * ASCII, and whoever does not know this one has the other, with question marks.
   */
  public static final String UNICODE_TEXT_HEADER = "Error-Text";

  private static final int FULL = 503;
  private static final int FAILED = 500;
  private static final int MAX_LENGTH = 256;

  public ErrorReply {
    String printable = printable(text);
    text = printable.isEmpty() ? "handler failed" : printable;
  }

  /** Creates an error of a handler that has seen the message. */
  public ErrorReply(int code, String text) {
    this(code, text, false);
  }

  /** Creates the reply of a worker that is full. */
  public static ErrorReply full() {
    return new ErrorReply(FULL, "worker is full", true);
  }

  /** Creates the reply in place of one that is larger than the broker lets through. */
  public static ErrorReply tooLarge() {
    return new ErrorReply(FAILED, "reply too large");
  }

  /** Creates the reply for what a handler threw: a rejection's own text, or a general one that gives nothing away. */
  public static ErrorReply of(Throwable failure) {
    return failure instanceof MessageRejectedException rejection
        ? new ErrorReply(rejection.code(), String.valueOf(rejection.getMessage()))
        : new ErrorReply(FAILED, "handler failed");
  }

  /** Returns the error that the reply stands for, or {@code null} if it is a result. A body beside the error is dropped. */
  public static @Nullable ErrorReply from(BrokerMessage reply) {
    String text = reply.header(TEXT_HEADER);
    String code = reply.header(CODE_HEADER);
    if (text == null && code == null) {
      return null;
    }
    return new ErrorReply(parse(code), decoded(reply.header(UNICODE_TEXT_HEADER), text == null ? "" : text),
        "true".equalsIgnoreCase(reply.header(NOT_PROCESSED_HEADER)));
  }

  /** Returns the message that carries this error, for the way back of a request. */
  public BrokerMessage toMessage() {
    String ascii = text.replaceAll("[^ -~]", "?");
    BrokerMessage message = new BrokerMessage("", new byte[0]).withHeader(TEXT_HEADER, ascii)
        .withHeader(CODE_HEADER, Integer.toString(code));
    if (!ascii.equals(text)) {
      message = message.withHeader(UNICODE_TEXT_HEADER, URLEncoder.encode(text, UTF_8).replace("+", "%20"));
    }
    return notProcessed ? message.withHeader(NOT_PROCESSED_HEADER, "true") : message;
  }

  /** Returns what a requester's client throws for this error. */
  BrokerException toException() {
    return new BrokerException(reason(), text, null, code, code == FULL && notProcessed);
  }

  private Reason reason() {
    boolean rejected = code >= 400 && code < 500;
    return code == FULL ? Reason.OVERLOADED : rejected ? Reason.HANDLER_REJECTED : Reason.HANDLER_FAILED;
  }

  private static int parse(@Nullable String code) {
    try {
      return code == null ? FAILED : Integer.parseInt(code.trim());
    } catch (NumberFormatException e) {
      return FAILED;
    }
  }

  private static String decoded(@Nullable String encoded, String otherwise) {
    try {
      return encoded == null ? otherwise : URLDecoder.decode(encoded.replace("+", "%2B"), UTF_8);
    } catch (IllegalArgumentException e) { // another program uses a header of that name
      return otherwise;
    }
  }

  /**
   * Returns a text as it may be told, on one line, in at most 256 characters. Letters of every script stay. A character that could
   * forge a line of a log, or turn its direction, does not.
   */
  public static String printable(String text) {
    StringBuilder printable = new StringBuilder();
    text.codePoints().limit(MAX_LENGTH).forEach(c -> printable.appendCodePoint(
        Character.isWhitespace(c) || Character.isSpaceChar(c) ? ' ' : isPrintable(c) ? c : '?'));
    return printable.toString().trim();
  }

  private static boolean isPrintable(int codePoint) {
    return switch (Character.getType(codePoint)) {
      case Character.CONTROL, Character.FORMAT, Character.SURROGATE, Character.PRIVATE_USE, Character.UNASSIGNED -> false;
      default -> true;
    };
  }
}
