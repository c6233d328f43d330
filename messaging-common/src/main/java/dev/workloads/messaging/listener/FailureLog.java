package dev.workloads.messaging.listener;

import dev.workloads.messaging.BrokerMessage;
import dev.workloads.messaging.MessageRejectedException;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.slf4j.Logger;
import org.slf4j.event.Level;

/**
 * Logs what becomes of messages that fail: the log must not become the load. Ten lines at once, then one every two seconds, and
 * how many were left out. The stack trace is there for the first failure of its kind, and again after ten minutes. Safe for use
 * by many threads.
 */
public final class FailureLog {

  private static final int LINES_AT_ONCE = 10;
  private static final long NANOS_PER_LINE = TimeUnit.SECONDS.toNanos(2);
  private static final long NANOS_BETWEEN_TRACES = TimeUnit.MINUTES.toNanos(10);
  private static final int MAX_KINDS = 100; // the oldest kind makes room for one more
  private static final int FRAMES_OF_A_KIND = 8; // recursion may be of any depth
  private static final int MAX_LENGTH = 1000;
  // W3C Trace Context: version-traceid-parentid-flags
  private static final Pattern TRACEPARENT = Pattern.compile("[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}.*");

  private final Logger log;
  private final String owner;
  private final Map<Kind, Long> tracedAt = new LinkedHashMap<>(); // under this
  private long spentUntil = System.nanoTime(); // under this: each line moves it on, and it may be ten lines ahead
  private final AtomicLong leftOut = new AtomicLong();

  /** What failures with one cause have in common. */
  private record Kind(String type, List<StackTraceElement> thrownIn) {

    static Kind of(Throwable failure) {
      return new Kind(failure.getClass().getName(), Arrays.stream(failure.getStackTrace()).limit(FRAMES_OF_A_KIND).toList());
    }
  }

  /**
   * Creates a log.
   *
   * @param owner who handles the messages, such as {@code listener resize}
   */
  public FailureLog(Logger log, String owner) {
    this.log = log;
    this.owner = owner;
  }

  /** Logs that a message could not be handled. */
  public void failed(BrokerMessage message, Throwable failure) {
    if (failure instanceof MessageRejectedException) {
      log(Level.WARN, message, "Rejected a message: " + failure.getMessage());
    } else if (isPermitted()) {
      if (isFirstOfItsKind(failure)) {
        log.error("Failed to handle a message {}", origin(message), failure);
      } else {
        log.error("Failed to handle a message {}: {}", origin(message), printable(failure.toString()));
      }
    }
  }

  void notSent(BrokerMessage message, String why) {
    log(Level.WARN, message, "A reply was not sent: " + why);
  }

  /** Logs a line about a message. */
  public void log(Level level, BrokerMessage message, String text) {
    if (isPermitted()) {
      log.atLevel(level).log("{} {}", printable(text), origin(message));
    }
  }

  /** Logs how many lines were left out; for the end, and for times in which nothing fails any more. */
  public void tellWhatWasLeftOut() {
    long lines = leftOut.getAndSet(0);
    if (lines > 0) {
      log.warn("{} more failures were not logged ({})", lines, owner);
    }
  }

  private boolean isPermitted() {
    if (!spend()) {
      leftOut.incrementAndGet();
      return false;
    }
    tellWhatWasLeftOut();
    return true;
  }

  private synchronized boolean spend() {
    long now = System.nanoTime();
    long from = spentUntil - now > 0 ? spentUntil : now;
    boolean affordable = from - now <= (LINES_AT_ONCE - 1) * NANOS_PER_LINE;
    if (affordable) {
      spentUntil = from + NANOS_PER_LINE;
    }
    return affordable;
  }

  private synchronized boolean isFirstOfItsKind(Throwable failure) {
    Kind kind = Kind.of(failure);
    Long last = tracedAt.get(kind);
    long now = System.nanoTime();
    if (last != null && now - last < NANOS_BETWEEN_TRACES) {
      return false;
    }
    tracedAt.put(kind, now);
    if (tracedAt.size() > MAX_KINDS) {
      tracedAt.remove(tracedAt.keySet().iterator().next());
    }
    return true;
  }

  private String origin(BrokerMessage message) {
    Matcher trace = TRACEPARENT.matcher(String.valueOf(message.header("traceparent")));
    return "(subject " + printable(message.subject()) + ", " + owner + ", trace "
        + (trace.matches() ? trace.group(1) : "none") + ")";
  }

  // Subjects and texts come from outside: they must neither break a line of the log nor fill it
  private static String printable(String text) {
    return text.substring(0, Math.min(text.length(), MAX_LENGTH)).replaceAll("[^\\x20-\\x7E]", "?");
  }
}
