package dev.workloads.messaging.listener;

import dev.workloads.messaging.BrokerMessage;
import dev.workloads.messaging.MessagingClient;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/** Reads how long a requester waits: whole milliseconds, so that the clocks need not agree. */
final class RequestTimeout {

  private static final long LONGEST = Duration.ofDays(1).toMillis();

  private RequestTimeout() {}

  /** Returns the time, or {@code null} if there is no limit: the header is absent, malformed or not positive. */
  static @Nullable Duration of(BrokerMessage message) {
    String value = message.header(MessagingClient.REQUEST_TIMEOUT_HEADER);
    if (value == null) {
      return null;
    }
    try {
      long millis = Long.parseLong(value.trim());
      return millis > 0 ? Duration.ofMillis(Math.min(millis, LONGEST)) : null;
    } catch (NumberFormatException e) {
      return null;
    }
  }
}
