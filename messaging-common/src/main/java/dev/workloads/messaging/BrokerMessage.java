package dev.workloads.messaging;

import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A message: subject, body, optional reply-to subject and headers.
 *
 * <p>The body is handed over, not copied: nobody changes the array afterwards. Header names are case-sensitive
 * (NATS ADR-4). Anything may be held here, also what a foreign client sent; only what {@link #requireSendable} lets
 * through is sent.
 *
 * @param subject the subject the message is sent to
 * @param body the payload, may be empty
 * @param replyTo the subject a reply goes to, or {@code null} if none is expected
 * @param headers the values of each header, in order
 */
public record BrokerMessage(String subject, byte[] body, @Nullable String replyTo, Map<String, List<String>> headers) {

  /** The header with the media type of the body. */
  public static final String CONTENT_TYPE = "Content-Type";

  /** The most bytes of messages that one place keeps unless settings say otherwise: an eighth of the heap. */
  public static final long DEFAULT_MAX_KEPT = Runtime.getRuntime().maxMemory() / 8;

  private static final int HEADER_PREAMBLE = "NATS/1.0\r\n".length() + "\r\n".length();
  private static final int HEADER_SEPARATORS = ":".length() + "\r\n".length();

  public BrokerMessage {
    Objects.requireNonNull(subject, "subject");
    Objects.requireNonNull(body, "body");
    headers = copyOf(headers);
  }

  /** Creates a message without reply-to and headers. */
  public BrokerMessage(String subject, byte[] body) {
    this(subject, body, null, Map.of());
  }

  /** Creates a message with the text in UTF-8 as its body, without reply-to and headers. */
  public static BrokerMessage of(String subject, String text) {
    return new BrokerMessage(subject, text.getBytes(StandardCharsets.UTF_8));
  }

  /**
   * Returns the body as text.
   *
   * @throws MessageRejectedException if it is not UTF-8
   */
  public String text() {
    try {
      return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(body)).toString();
    } catch (CharacterCodingException e) {
      throw new MessageRejectedException("failed to decode body: not valid UTF-8");
    }
  }

  /**
   * Creates what a handler returns as the reply to this message. Its subject is the reply-to, and empty where there is
   * none: then nobody waits for a reply.
   */
  public BrokerMessage reply(byte[] body) {
    return new BrokerMessage(replyTo == null ? "" : replyTo, body);
  }

  /** Creates a reply with the text in UTF-8 as its body. */
  public BrokerMessage reply(String text) {
    return reply(text.getBytes(StandardCharsets.UTF_8));
  }

  /** Returns this message with the reply-to. */
  public BrokerMessage withReplyTo(@Nullable String replyTo) {
    return new BrokerMessage(subject, body, replyTo, headers);
  }

  /** Returns this message with the header set to that one value. */
  public BrokerMessage withHeader(String name, String value) {
    Map<String, List<String>> changed = new LinkedHashMap<>(headers);
    changed.put(name, List.of(value));
    return new BrokerMessage(subject, body, replyTo, changed);
  }

  /**
   * Returns the header's first value, or {@code null} if it is absent. Other clients write the same names in other cases:
   * where there is none in this case, one in any case is found.
   */
  public @Nullable String header(String name) {
    List<String> values = headers.get(name);
    if (values == null) {
      for (Map.Entry<String, List<String>> header : headers.entrySet()) {
        if (header.getKey().equalsIgnoreCase(name)) {
          values = header.getValue();
        }
      }
    }
    return values == null || values.isEmpty() ? null : values.get(0);
  }

  /** Returns the bytes that count towards the broker's {@code max_payload}: the body and the encoded headers. */
  public long size() {
    long size = body.length;
    if (!headers.isEmpty()) {
      size += HEADER_PREAMBLE;
      for (Map.Entry<String, List<String>> header : headers.entrySet()) {
        for (String value : header.getValue()) {
          size += utf8Length(header.getKey()) + HEADER_SEPARATORS + utf8Length(value);
        }
      }
    }
    return size;
  }

  /**
   * Checks that a transport may send this message.
   *
   * @param maxPayload the broker's limit in bytes for body and headers together
   * @throws IllegalArgumentException if a subject or a header cannot be sent
   * @throws BrokerException {@link BrokerException.Reason#PAYLOAD_TOO_LARGE} if the message exceeds the limit
   */
  public void requireSendable(long maxPayload) {
    Subjects.requireSubject(subject);
    if (replyTo != null) {
      Subjects.requireSubject(replyTo);
    }
    headers.forEach(BrokerMessage::requireHeader);
    long size = size();
    if (size > maxPayload) {
      throw new BrokerException(BrokerException.Reason.PAYLOAD_TOO_LARGE,
          "payload and message headers are " + size + " bytes, the limit is " + maxPayload);
    }
  }

  @Override
  public boolean equals(@Nullable Object other) {
    return other instanceof BrokerMessage that && subject.equals(that.subject) && Arrays.equals(body, that.body)
        && Objects.equals(replyTo, that.replyTo) && headers.equals(that.headers);
  }

  @Override
  public int hashCode() {
    return Objects.hash(subject, Arrays.hashCode(body), replyTo, headers);
  }

  /** Describes the message without its payload. */
  @Override
  public String toString() {
    return "BrokerMessage[subject=" + subject + ", body=" + body.length + " bytes, replyTo=" + replyTo
        + ", headers=" + headers.keySet() + "]";
  }

  private static Map<String, List<String>> copyOf(Map<String, List<String>> headers) {
    if (headers.isEmpty()) {
      return Map.of();
    }
    Map<String, List<String>> copy = new LinkedHashMap<>();
    headers.forEach((name, values) -> copy.put(name, List.copyOf(values)));
    return Map.copyOf(copy);
  }

  // NATS ADR-4: names are printable ASCII without the colon, values printable ASCII, blanks and tabs
  private static void requireHeader(String name, List<String> values) {
    if (name.isEmpty() || !name.chars().allMatch(c -> c > ' ' && c < 0x7F && c != ':')) {
      throw new IllegalArgumentException("a header name must be printable ASCII without blanks and colons");
    }
    for (String value : values) {
      if (!value.chars().allMatch(c -> c >= ' ' && c < 0x7F || c == '\t')) {
        throw new IllegalArgumentException("the value of header " + name + " must be printable ASCII on one line");
      }
    }
  }

  private static int utf8Length(String text) {
    return text.getBytes(StandardCharsets.UTF_8).length;
  }
}
