package dev.workloads.messaging;

import java.time.Duration;
import java.util.stream.Stream;

/**
 * How long a requester waits for the replies of a stream.
 *
 * @param first the longest wait for the worker's first message, tries included
 * @param stall the longest wait for each later one; a worker says every ten seconds that it is still at work
 * @param total the longest time for all of it
 */
public record StreamTimeouts(Duration first, Duration stall, Duration total) {

  /** The default of {@link #stall}, and how long a worker waits for a requester that does not read on. */
  public static final Duration DEFAULT_STALL = Duration.ofSeconds(30);

  /** The default of {@link #total}. */
  public static final Duration DEFAULT_TOTAL = Duration.ofMinutes(10);

  public StreamTimeouts {
    if (Stream.of(first, stall, total).anyMatch(timeout -> timeout.isNegative() || timeout.isZero())) {
      throw new IllegalArgumentException("the timeouts of a stream must be positive");
    }
  }

  /** Creates timeouts with the defaults for the later messages. */
  public static StreamTimeouts of(Duration first) {
    return new StreamTimeouts(first, DEFAULT_STALL, DEFAULT_TOTAL);
  }
}
