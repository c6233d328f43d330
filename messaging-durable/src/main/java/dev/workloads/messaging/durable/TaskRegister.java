package dev.workloads.messaging.durable;

import com.fasterxml.jackson.annotation.JsonInclude.Include;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.json.JsonMapper;

/**
 * The records of all tasks, in a store. Safe for use by many threads; throws and blocks as the store does, and throws {@link
 * UnreadableEntryException} where it finds something else.
 */
final class TaskRegister {

  private static final JsonMapper JSON = JsonMapper.builder()
      .changeDefaultPropertyInclusion(inclusion -> inclusion.withValueInclusion(Include.NON_NULL)).build();

  private final DurableStore store;

  TaskRegister(DurableStore store) {
    this.store = store;
  }

  /**
   * Returns an entry, perhaps not the last.
   *
   * @throws UnreadableEntryException if it is none
   */
  @Nullable TaskEntry find(String id, Duration timeout) {
    return read(id, false, timeout);
  }

  /**
   * Returns the last entry.
   *
   * @throws UnreadableEntryException if it is none
   */
  @Nullable TaskEntry findLatest(String id, Duration timeout) {
    return read(id, true, timeout);
  }

  /** Reads a record that somebody is writing; returns {@code null} if it is none. */
  static @Nullable TaskRecord parse(byte[] json) {
    try {
      return JSON.readValue(json, TaskRecord.class);
    } catch (JacksonException | DateTimeException | ArithmeticException e) { // the latter two from times that there are not
      return null;
    }
  }

  private @Nullable TaskEntry read(String id, boolean latest, Duration timeout) {
    StoredValue stored = store.read(id, latest, timeout);
    if (stored == null) {
      return null;
    }
    TaskRecord task = parse(stored.bytes());
    if (task == null) {
      throw new UnreadableEntryException(id);
    }
    return new TaskEntry(id, task, stored.revision(), stored.written());
  }

  /**
   * Adds a task.
   *
   * @throws StaleRevisionException if there is one with the id
   */
  TaskEntry create(String id, TaskRecord task, Duration timeout) {
    return write(id, task, 0, timeout);
  }

  /**
   * Replaces an entry.
   *
   * @throws StaleRevisionException if somebody else has replaced it
   */
  TaskEntry replace(TaskEntry entry, TaskRecord task, Duration timeout) {
    return write(entry.id(), task, entry.revision(), timeout);
  }

  private TaskEntry write(String id, TaskRecord task, long revision, Duration timeout) {
    return new TaskEntry(id, task, store.compareAndSet(id, JSON.writeValueAsBytes(task), revision, timeout), Instant.now());
  }
}
