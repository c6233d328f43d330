package dev.workloads.messaging.durable;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.fasterxml.jackson.annotation.JsonInclude.Include;
import dev.workloads.messaging.BrokerException;
import dev.workloads.messaging.BrokerException.Reason;
import dev.workloads.messaging.ErrorReply;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.util.Base64;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.json.JsonMapper;

/**
 * The entries and results of all tasks, in a store. Safe for use by many threads; throws and blocks as the store does, and
 * throws {@link UnreadableEntryException} where a foreign client has written something that is no entry.
 */
final class TaskRegister {

  private static final JsonMapper JSON = JsonMapper.builder()
      .changeDefaultPropertyInclusion(inclusion -> inclusion.withValueInclusion(Include.NON_NULL)).build();

  private final DurableStore store;

  TaskRegister(DurableStore store) {
    this.store = store;
  }

  /** Returns an entry, perhaps not the last. */
  @Nullable TaskStatus find(String id, Duration timeout) {
    return read(id, false, timeout);
  }

  /** Returns an entry that may be older than the last only if nobody has begun the task in that one. */
  @Nullable TaskStatus findNewOrLatest(String id, Duration timeout) {
    TaskStatus entry = find(id, timeout);
    return entry != null && entry.task().isNew() ? entry : findLatest(id, timeout);
  }

  /** Returns the last entry. */
  @Nullable TaskStatus findLatest(String id, Duration timeout) {
    return read(id, true, timeout);
  }

  private @Nullable TaskStatus read(String id, boolean latest, Duration timeout) {
    StoredValue stored = store.read(id, latest, timeout);
    if (stored == null) {
      return null;
    }
    TaskRecord task = parse(stored.bytes());
    if (task == null) {
      throw new UnreadableEntryException(id);
    }
    return new TaskStatus(id, task, stored.written().plus(store.retention()), stored.revision());
  }

  /** Reads a record that somebody is writing; returns {@code null} if it is none. */
  static @Nullable TaskRecord parse(byte[] json) {
    try {
      return JSON.readValue(json, TaskRecord.class);
    } catch (JacksonException | DateTimeException | ArithmeticException e) { // the latter two from times that there are not
      return null;
    }
  }

  /**
   * Adds a task.
   *
   * @throws StaleRevisionException if there is one with the id
   */
  TaskStatus create(String id, TaskRecord task, Duration timeout) {
    return write(id, task, 0, timeout);
  }

  /**
   * Replaces an entry.
   *
   * @throws StaleRevisionException if the entry has been replaced before
   */
  TaskStatus replace(TaskStatus entry, TaskRecord next, Duration timeout) {
    return write(entry.id(), next, entry.revision(), timeout);
  }

  /**
   * Replaces an entry. Reads it back if it has been replaced before, or if the answer is lost. May be repeated.
   *
   * @return the entry as it is now, which another client may have written, or {@code null} if there is none any more
   * @throws BrokerException also if the write may still be under way
   */
  @Nullable TaskStatus replaceOrFind(TaskStatus entry, TaskRecord next, Duration timeout) {
    try {
      return replace(entry, next, timeout);
    } catch (StaleRevisionException | BrokerException e) {
      if (e instanceof BrokerException failure && failure.reason() != Reason.TIMEOUT) {
        throw e;
      }
      return readBack(entry, timeout);
    }
  }

  private @Nullable TaskStatus readBack(TaskStatus entry, Duration timeout) {
    TaskStatus last;
    try {
      last = findLatest(entry.id(), timeout);
    } catch (UnreadableEntryException e) {
      return null; // a foreign client has written it
    }
    if (last != null && last.revision() == entry.revision()) { // a cluster shows the former one until it is written
      throw new BrokerException(Reason.BROKER_UNAVAILABLE, "the entry is not written yet");
    }
    return last;
  }

  private TaskStatus write(String id, TaskRecord task, long revision, Duration timeout) {
    long written = store.compareAndSet(id, JSON.writeValueAsBytes(task), revision, timeout);
    return new TaskStatus(id, task, Instant.now().plus(store.retention()), written);
  }

  /** Stores the result of the entry's attempt; returns why no retry could store it, or {@code null} if it is stored. */
  @Nullable TaskError putResult(TaskStatus entry, TaskResult result, Duration timeout) {
    try {
      store.put(resultKey(entry.id(), entry.attempts()), result.body(), result.contentType(), timeout);
      return null;
    } catch (IllegalArgumentException e) { // its Content-Type
      return TaskError.of(ErrorReply.of(e));
    } catch (BrokerException e) {
      if (e.reason() != Reason.PAYLOAD_TOO_LARGE) {
        throw e;
      }
      return TaskError.of(ErrorReply.tooLarge());
    }
  }

  /** Returns the result of the entry's last attempt, or {@code null} if there is none. */
  @Nullable TaskResult findResult(TaskStatus entry, Duration timeout) {
    StoredValue stored = store.read(resultKey(entry.id(), entry.attempts()), false, timeout);
    return stored == null ? null : new TaskResult(stored.bytes(), stored.contentType());
  }

  static String resultKey(String id, int attempt) {
    return id + ".r" + attempt;
  }

  /** Returns the id of the task that is submitted with a key. */
  static String id(String idempotencyKey) {
    return hash(idempotencyKey.getBytes(UTF_8));
  }

  /** Returns what tells whether two submissions are the same. */
  static String hash(String worker, byte[] payload) {
    return hash(worker.getBytes(UTF_8), new byte[] {'\n'}, payload);
  }

  private static String hash(byte[]... parts) {
    try {
      MessageDigest digest = MessageDigest.getInstance("SHA-256");
      for (byte[] part : parts) {
        digest.update(part);
      }
      return Base64.getUrlEncoder().withoutPadding().encodeToString(digest.digest());
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException("every JDK has SHA-256", e);
    }
  }
}
