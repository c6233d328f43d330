package dev.workloads.messaging.durable;

import dev.workloads.messaging.BrokerException;
import dev.workloads.messaging.BrokerMessage;
import java.time.Duration;
import java.util.List;
import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;

/**
 * Keeps jobs in queues, and values under keys, each with a revision. Safe for use by many threads.
 *
 * <p>Every method that is given a timeout blocks no longer than that. Each throws {@link BrokerException}: {@code TIMEOUT}
 * where the outcome is unknown, {@code BROKER_UNAVAILABLE} where nothing was done, {@code PAYLOAD_TOO_LARGE} or
 * {@code OVERLOADED} where there is no room.
 */
public interface DurableStore {

  /**
   * Reads a value.
   *
   * @param latest whether the last acknowledged write is seen for certain; otherwise a former one may be, but a value that is
   *     missing is missing for certain
   * @return the value, or {@code null} if there is none
   */
  @Nullable StoredValue read(String key, boolean latest, Duration timeout);

  /**
   * Writes a value if nobody else has written it in the meantime.
   *
   * @param revision the revision that is to be replaced, or 0 if there must be no value
   * @return the revision of what was written
   * @throws StaleRevisionException if the value has another revision
   */
  long compareAndSet(String key, byte[] value, long revision, Duration timeout);

  /** Returns how long a value stays unless it is written again. */
  Duration retention();

  /** Writes a value, whatever there is. Only to be repeated with the same value. */
  void put(String key, byte[] value, @Nullable String contentType, Duration timeout);

  /**
   * Deletes a value.
   *
   * @throws StaleRevisionException if it has another revision
   */
  void delete(String key, long revision, Duration timeout);

  /**
   * Calls the listener with each key and value that somebody writes, on a thread of the store: it must not block. The write
   * may come to nothing, and may not be seen yet. Keys with a dot are left out, and none may come while there is no
   * connection.
   */
  Watch watch(BiConsumer<String, byte[]> listener);

  /**
   * Checks that a message may be appended, as far as that is known without asking for it.
   *
   * @throws IllegalArgumentException if it has a malformed subject or header
   * @throws BrokerException also if the broker cannot be reached
   */
  void requireAppendable(BrokerMessage message, String id);

  /**
   * Appends a message to the queue or stream that takes its subject. Returns once it is kept.
   *
   * @param id names the message: the first alone is kept of several with one id that are appended within two minutes
   * @return where it is, or where the first one was put, which may be gone by now
   * @throws IllegalArgumentException if no queue would ever take a message with these headers
   * @throws BrokerException also {@code NO_RESPONDERS} if no queue takes the subject
   */
  Appended append(BrokerMessage message, String id, Duration timeout);

  /** Returns whether a job is still in the queue that it was put into. */
  boolean contains(Appended place, BrokerMessage job, Duration timeout);

  /**
   * Opens the queue of a group of workers. A queue that is there gets the subjects that it lacks, and keeps those it has.
   *
   * @param subjects the subjects of its jobs, without wildcards
   * @param lease how long a job is handed out for, unless renewed; longer if it is longer already
   * @throws ProvisioningException if it can be told now that a subject belongs to another group
   */
  JobQueue open(String group, List<String> subjects, Duration lease);

  /**
   * Where a message was put.
   *
   * @param queue the queue or stream
   * @param sequence its number there
   * @param duplicate whether an earlier one with its id was put there in its place
   */
  record Appended(String queue, long sequence, boolean duplicate) {}

  /** Ends the calls of a listener. */
  interface Watch extends AutoCloseable {

    @Override
    void close();
  }
}
