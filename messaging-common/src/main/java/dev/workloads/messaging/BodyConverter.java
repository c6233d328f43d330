package dev.workloads.messaging;

/** Turns objects into the bodies of messages and back. Safe for use by many threads. */
public interface BodyConverter {

  /** Returns a converter of {@code byte[]} and text only, which refuses other types by IllegalStateException. */
  static BodyConverter plain() {
    return new PlainBodyConverter();
  }

  /**
   * Creates a message: {@code byte[]} as they are, text in UTF-8, anything else as JSON; the last two say so in {@code
   * Content-Type}.
   */
  BrokerMessage write(String subject, Object body);

  /**
   * Reads a message's body; the type alone decides how, no header.
   *
   * @throws MessageRejectedException if the body does not fit the type; its text names the member
   */
  <T> T read(BrokerMessage message, Class<T> type);
}
