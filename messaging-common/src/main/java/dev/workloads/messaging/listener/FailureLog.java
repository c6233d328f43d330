package dev.workloads.messaging.listener;

import dev.workloads.messaging.BrokerMessage;
import dev.workloads.messaging.MessageRejectedException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
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
  private final AtomicLong second = new AtomicLong();
  private final AtomicInteger inSecond = new AtomicInteger();

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

  // Two threads at the turn of a second may both reset the count: then a few more lines are logged, no harm
  private boolean isPermitted() {
    long now = System.nanoTime() / 1_000_000_000;
    if (second.getAndSet(now) != now) {
      int suppressed = inSecond.getAndSet(0) - MAX_PER_SECOND;
      if (suppressed > 0) {
        log.warn("{} more failures were not logged (listener {})", suppressed, listener);
      }
    }
    return inSecond.incrementAndGet() <= MAX_PER_SECOND;
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
