package dev.workloads.messaging.durable.inprocess;

import dev.workloads.messaging.BrokerException;
import dev.workloads.messaging.BrokerException.Reason;
import dev.workloads.messaging.BrokerMessage;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.List;

/**
 * The bytes that values, jobs and dead letters share, and the dead letters: the oldest of them give way to everything else. Safe
 * for use by many threads; calls nothing that locks.
 */
final class InProcessRoom {

  private static final int MAX_DEAD_LETTERS = 1000; // then the oldest is dropped

  private final long maxBytes;
  private final Deque<BrokerMessage> deadLetters = new ArrayDeque<>(); // under this, as all below
  private long lastLetter;
  private long bytes;

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
      bytes -= deadLetters.remove().size(); // as a stream that discards its oldest messages
    }
    if (bytes + more > maxBytes) {
      throw new BrokerException(Reason.OVERLOADED, "there is no room for more: " + maxBytes + " bytes are taken");
    }
    bytes += more;
  }

  /** Keeps a dead letter and returns its number. */
  synchronized long bury(BrokerMessage letter) {
    take(letter.size());
    deadLetters.add(letter);
    if (deadLetters.size() > MAX_DEAD_LETTERS) {
      bytes -= deadLetters.remove().size();
    }
    return ++lastLetter;
  }

  /** Returns the dead letters, the oldest first. */
  synchronized List<BrokerMessage> deadLetters() {
    return List.copyOf(deadLetters);
  }
}
