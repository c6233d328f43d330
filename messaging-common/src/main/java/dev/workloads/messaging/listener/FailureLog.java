package dev.workloads.messaging.listener;

import dev.workloads.messaging.BrokerMessage;
import dev.workloads.messaging.MessageRejectedException;
import java.util.concurrent.atomic.AtomicReference;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Logs failed messages and replies that were not sent, at most ten a second: the log must not become the load. */
final class FailureLog {

  private static final Logger log = LoggerFactory.getLogger(MessageListenerContainer.class);
  private static final int MAX_PER_SECOND = 10;
  // W3C Trace Context: version-traceid-parentid-flags
  private static final Pattern TRACEPARENT = Pattern.compile("[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}.*");

  private final String listener;
  private final AtomicReference<Second> second = new AtomicReference<>(new Second(System.nanoTime() / 1_000_000_000, 0));

  /** How many failures there were in a second of the clock. */
  private record Second(long number, int failures) {}

  FailureLog(String listener) {
    this.listener = listener;
  }

  void failed(BrokerMessage message, Throwable failure) {
    if (!isPermitted()) {
      return;
    }
    if (failure instanceof MessageRejectedException) {
      log.warn("Rejected a message: {} {}", printable(String.valueOf(failure.getMessage())), origin(message));
    } else {
      log.error("Failed to handle a message {}", origin(message), failure);
    }
  }

  void notSent(BrokerMessage message, String why) {
    if (isPermitted()) {
      log.warn("A reply was not sent: {} {}", printable(why), origin(message));
    }
  }

  void noReply(BrokerMessage message) {
    if (isPermitted()) {
      log.warn("A request was handled without a reply, its requester waits in vain {}", origin(message));
    }
  }

  private boolean isPermitted() {
    long now = System.nanoTime() / 1_000_000_000;
    // A thread that was held up since it looked at the clock counts for the second that others have begun
    Second before = second.getAndUpdate(last -> last.number() - now >= 0
        ? new Second(last.number(), last.failures() + 1) : new Second(now, 1));
    if (before.number() - now >= 0) {
      return before.failures() < MAX_PER_SECOND;
    }
    int suppressed = before.failures() - MAX_PER_SECOND;
    if (suppressed > 0) {
      log.warn("{} more failures were not logged (listener {})", suppressed, listener);
    }
    return true;
  }

  private String origin(BrokerMessage message) {
    Matcher trace = TRACEPARENT.matcher(String.valueOf(message.header("traceparent")));
    return "(subject " + printable(message.subject()) + ", listener " + listener + ", trace "
        + (trace.matches() ? trace.group(1) : "none") + ")";
  }

  // Subjects and texts come from outside: no line breaks and control characters into the log
  private static String printable(String text) {
    return text.replaceAll("[^\\x20-\\x7E]", "?");
  }
}
