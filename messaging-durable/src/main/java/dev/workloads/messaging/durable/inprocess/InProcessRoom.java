package dev.workloads.messaging.durable.inprocess;

import dev.workloads.messaging.BrokerException;
import dev.workloads.messaging.BrokerException.Reason;
import dev.workloads.messaging.BrokerMessage;
import java.time.Instant;
import java.util.NavigableMap;
import java.util.TreeMap;

/**
 * The bytes that values, jobs and dead letters share, and the dead letters: the oldest of them give way to everything else. Safe
 * for use by many threads; calls nothing that locks.
 */
final class InProcessRoom {

  private static final int MAX_DEAD_LETTERS = 1000; // then the oldest is dropped

  private final long maxBytes;
  private final NavigableMap<Long, Letter> deadLetters = new TreeMap<>(); // by sequence; under this, as all below
  private long lastLetter;
  private long bytes;

  /** A dead letter, and when it was kept. */
  record Letter(BrokerMessage message, Instant time) {}

  InProcessRoom(long maxBytes) {
    this.maxBytes = maxBytes;
  }

  /**
   * Takes bytes, or gives them back if their number is negative.
   *
   * @throws BrokerException {@code OVERLOADED} if they are not free
   */
  synchronized void take(long more) {
    while (bytes + more > maxBytes && !deadLetters.isEmpty()) {
      deleteLetter(deadLetters.firstKey()); // as a stream that discards its oldest messages
    }
    if (bytes + more > maxBytes) {
      throw new BrokerException(Reason.OVERLOADED, "there is no room for more: " + maxBytes + " bytes are taken");
    }
    bytes += more;
  }

  /** Keeps a dead letter and returns its number. */
  synchronized long bury(BrokerMessage letter) {
    take(letter.size());
    deadLetters.put(++lastLetter, new Letter(letter, Instant.now()));
    if (deadLetters.size() > MAX_DEAD_LETTERS) {
      deleteLetter(deadLetters.firstKey());
    }
    return lastLetter;
  }

  synchronized void deleteLetter(long sequence) {
    Letter deleted = deadLetters.remove(sequence);
    bytes -= deleted == null ? 0 : deleted.message.size();
  }

  /** Returns the dead letters above a sequence. */
  synchronized NavigableMap<Long, Letter> deadLetters(long after) {
    return new TreeMap<>(deadLetters.tailMap(after, false));
  }

  /** Returns the sequence of the last dead letter, which may be gone. */
  synchronized long lastLetter() {
    return lastLetter;
  }

  long maxBytes() {
    return maxBytes;
  }
}
