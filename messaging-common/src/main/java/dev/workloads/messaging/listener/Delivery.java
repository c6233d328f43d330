package dev.workloads.messaging.listener;

import dev.workloads.messaging.BrokerMessage;
import dev.workloads.messaging.MessageTransport.ReplyPath;
import dev.workloads.messaging.MessagingClient;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * A message that has come in, and the way back to its requester.
 *
 * @param receivedAt when the message came in, by {@link System#nanoTime}
 */
record Delivery(BrokerMessage message, ReplyPath replies, long receivedAt) {

  private static final long LONGEST_TIMEOUT_MILLIS = Duration.ofDays(1).toMillis();
  // A requester need not say how long it waits: its reply is kept for this long
  private static final Duration DEFAULT_PATIENCE = Duration.ofSeconds(5);

  /** Returns the bytes that count towards the bound on buffered bodies. */
  int size() {
    return message.body().length;
  }

  /** Returns whether the requester has given up. */
  boolean isExpired() {
    Duration timeout = requestTimeout();
    return timeout != null && System.nanoTime() - receivedAt > timeout.toNanos();
  }

  /** Sends a reply; waits for a lost connection to return, for as long as the requester waits for the reply. */
  void sendPatiently(BrokerMessage reply) {
    Duration timeout = requestTimeout();
    replies.send(reply, timeout == null ? DEFAULT_PATIENCE : timeout.minusNanos(System.nanoTime() - receivedAt));
  }

  // The header holds whole milliseconds, so clocks need not agree. There is no limit if it is absent, malformed or not positive.
  private @Nullable Duration requestTimeout() {
    String value = message.header(MessagingClient.REQUEST_TIMEOUT_HEADER);
    if (value == null) {
      return null;
    }
    try {
      long millis = Long.parseLong(value.trim());
      return millis > 0 ? Duration.ofMillis(Math.min(millis, LONGEST_TIMEOUT_MILLIS)) : null;
    } catch (NumberFormatException e) {
      return null;
    }
  }
}
