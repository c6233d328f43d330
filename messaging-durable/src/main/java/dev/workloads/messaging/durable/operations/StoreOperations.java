package dev.workloads.messaging.durable.operations;

import dev.workloads.messaging.BrokerException;
import dev.workloads.messaging.BrokerMessage;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What a store tells an operator, and does for one. Safe for use by many threads. Every method blocks no longer than its timeout,
 * and throws {@link BrokerException} if the broker does not answer, or refuses to: the message names the right that is missing.
 */
public interface StoreOperations {

  /** Returns the groups of workers that have a queue, sorted; no more than a thousand. */
  List<String> groups(Duration timeout);

  /** Returns how the queue of a group is. */
  Queue queue(String group, Duration timeout);

  /** Returns how much room the entries and results take. */
  Room bucket(Duration timeout);

  /** Returns how many dead letters there are. */
  LetterBox letterBox(Duration timeout);

  /**
   * Returns dead letters without their payloads, by sequence.
   *
   * @param after the sequence that all of them are above
   * @param max how many there may be, no more than a thousand; there may be fewer although more follow, but none only where
   *     none follow
   */
  List<DeadLetter> letters(long after, int max, Duration timeout);

  /** Returns a dead letter with its payload, or {@code null} if there is none of that sequence. */
  @Nullable BrokerMessage letter(long sequence, Duration timeout);

  /** Deletes a dead letter; does nothing if there is none of that sequence. */
  void deleteLetter(long sequence, Duration timeout);

  /**
   * How a queue is.
   *
   * @param waiting jobs that a worker may have now
   * @param handedOut jobs that workers have, or that pause until their next attempt
   * @param oldest when the oldest of all these was added, or {@code null} if there is none
   */
  record Queue(long waiting, long handedOut, @Nullable Instant oldest, long bytes, long maxBytes) {}

  /**
   * How much room something takes.
   *
   * @param maxBytes the limit, or less than 1 if there is none
   */
  record Room(long bytes, long maxBytes) {}

  /**
   * All dead letters.
   *
   * @param first no letter has a lower sequence
   * @param last no letter has a higher one
   */
  record LetterBox(long first, long last, long total) {}
}
