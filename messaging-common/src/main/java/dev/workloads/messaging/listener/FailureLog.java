package dev.workloads.messaging.listener;

import dev.workloads.messaging.BrokerMessage;
import dev.workloads.messaging.MessageRejectedException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Logs failures of handlers, at most ten a second: under a flood the log must not become the load. */
final class FailureLog {

  private static final Logger log = LoggerFactory.getLogger(MessageListenerContainer.class);
  private static final int MAX_PER_SECOND = 10;
  // W3C Trace Context: version-traceid-parentid-flags
  private static final Pattern TRACEPARENT = Pattern.compile("[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}.*");

  private final String group;
  private final AtomicLong second = new AtomicLong();
  private final AtomicInteger inSecond = new AtomicInteger();

  FailureLog(String group) {
    this.group = group;
  }

  void failed(BrokerMessage message, Throwable failure) {
    if (!isPermitted()) {
      return;
    }
    if (failure instanceof MessageRejectedException) {
      log.warn("Rejected a message: {} (subject {}, group {}, trace {})", printable(String.valueOf(failure.getMessage())),
          printable(message.subject()), group, traceId(message));
    } else {
      log.error("A handler failed (subject {}, group {}, trace {})", printable(message.subject()), group,
          traceId(message), failure);
    }
  }

  void lost(BrokerMessage message, Throwable failure) {
    if (isPermitted()) {
      log.warn("Lost a reply: {} (subject {}, group {}, trace {})", failure.getMessage(), printable(message.subject()),
          group, traceId(message));
    }
  }

  // Two threads at the turn of a second may both reset the count: then a few more lines are logged, no harm
  private boolean isPermitted() {
    long now = System.nanoTime() / 1_000_000_000;
    if (second.getAndSet(now) != now) {
      int suppressed = inSecond.getAndSet(0) - MAX_PER_SECOND;
      if (suppressed > 0) {
        log.warn("{} more failures were not logged (group {})", suppressed, group);
      }
    }
    return inSecond.incrementAndGet() <= MAX_PER_SECOND;
  }

  private static String traceId(BrokerMessage message) {
    String traceparent = message.header("traceparent");
    Matcher matcher = TRACEPARENT.matcher(traceparent == null ? "" : traceparent);
    return matcher.matches() ? matcher.group(1) : "none";
  }

  // Subjects and texts come from outside: no line breaks and control characters into the log
  private static String printable(String text) {
    return text.replaceAll("[^\\x20-\\x7E]", "?");
  }
}
