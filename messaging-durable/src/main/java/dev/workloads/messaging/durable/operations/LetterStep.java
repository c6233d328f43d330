package dev.workloads.messaging.durable.operations;

import dev.workloads.messaging.BrokerException;
import dev.workloads.messaging.BrokerException.Reason;
import dev.workloads.messaging.BrokerMessage;
import dev.workloads.messaging.durable.DurableTasks;
import dev.workloads.messaging.durable.Jobs;
import java.time.Duration;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/** What is done with each of many dead letters. Safe for use by many threads. */
interface LetterStep {

  /** The longest that the broker may take for one letter. */
  Duration TIMEOUT = Duration.ofSeconds(5);

  /** Returns why a letter would be left, as far as its headers tell, or {@code null} if they do not. */
  @Nullable String foresee(DeadLetter letter);

  /**
   * Does it.
   *
   * @return why the letter is left, or {@code null} if it is not
   * @throws BrokerException if the broker does not answer, as it would not for the next letter
   */
  @Nullable String apply(DeadLetter letter);

  /** Throws letters away. */
  record Deletion(StoreOperations store) implements LetterStep {

    @Override
    public @Nullable String foresee(DeadLetter letter) {
      return null;
    }

    @Override
    public @Nullable String apply(DeadLetter letter) {
      store.deleteLetter(letter.sequence(), TIMEOUT);
      return null;
    }
  }

  /**
   * Puts jobs back into their queues. The job comes first: a retry that was killed in between is safe to repeat. Expired tasks are
   * left unless they are meant: nothing tells any more which of them were cancelled.
   *
   * @param isOfExpired whether expired tasks are meant
   * @param unserved the names that no worker takes: asking for each of their tasks would take long
   */
  record Retry(StoreOperations store, DurableTasks tasks, boolean isOfExpired, Set<String> unserved) implements LetterStep {

    private static final String UNSERVED = "no durable worker takes it";

    Retry(StoreOperations store, DurableTasks tasks, LetterFilter filter) {
      this(store, tasks, Jobs.EXPIRED.equals(filter.reason()), ConcurrentHashMap.newKeySet());
    }

    @Override
    public @Nullable String foresee(DeadLetter letter) {
      if (!letter.complete()) {
        return "incomplete";
      }
      return letter.reason().equals(Jobs.EXPIRED) && !isOfExpired ? "expired, retried by that reason only" : null;
    }

    @Override
    public @Nullable String apply(DeadLetter letter) {
      String worker = letter.worker();
      String foreseen = foresee(letter);
      if (foreseen != null || worker == null) {
        return foreseen;
      } else if (unserved.contains(worker)) {
        return UNSERVED;
      }
      BrokerMessage message = store.letter(letter.sequence(), TIMEOUT);
      String left = message == null ? "deleted meanwhile" : putBack(message, letter.sequence(), worker);
      if (left == null) {
        store.deleteLetter(letter.sequence(), TIMEOUT);
      }
      return left;
    }

    private @Nullable String putBack(BrokerMessage letter, long sequence, String worker) {
      try {
        return tasks.putBack(letter, sequence, TIMEOUT);
      } catch (IllegalArgumentException e) {
        return "its headers are refused";
      } catch (BrokerException e) {
        if (e.reason() == Reason.PAYLOAD_TOO_LARGE) {
          return "too large";
        } else if (e.reason() == Reason.NO_RESPONDERS) {
          unserved.add(worker);
          return UNSERVED;
        }
        throw e;
      }
    }
  }
}
