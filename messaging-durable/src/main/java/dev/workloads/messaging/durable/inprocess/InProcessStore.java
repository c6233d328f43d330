package dev.workloads.messaging.durable.inprocess;

import dev.workloads.messaging.BrokerMessage;
import dev.workloads.messaging.durable.DurableStore;
import dev.workloads.messaging.durable.JobQueue;
import dev.workloads.messaging.durable.StaleRevisionException;
import dev.workloads.messaging.durable.StoredValue;
import dev.workloads.messaging.durable.operations.StoreOperations;
import dev.workloads.messaging.inprocess.InProcessTransport;
import java.time.Duration;
import java.time.Instant;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;

/**
 * Keeps values and jobs in memory, with the semantics of JetStream, until the process ends. Bounded: what does not fit is
 * refused. Watchers are called on the writer's thread, which holds no lock then.
 */
public final class InProcessStore implements DurableStore {

  private final Duration retention;
  private final InProcessRoom room;
  private final InProcessQueues queues;
  private final Map<String, StoredValue> values = new LinkedHashMap<>(); // under this, the oldest first
  private long lastRevision; // under this
  private final List<BiConsumer<String, byte[]>> watchers = new CopyOnWriteArrayList<>();

  /**
   * Creates a store.
   *
   * @param retention how long a value stays unless it is written again
   * @param maxBytes the most bytes of values, jobs and dead letters, which never get more than an eighth of the heap
   * @param maxJobs the most jobs in one queue
   */
  public InProcessStore(Duration retention, long maxBytes, long maxJobs) {
    this.retention = retention;
    this.room = new InProcessRoom(Math.min(maxBytes, BrokerMessage.DEFAULT_MAX_KEPT));
    this.queues = new InProcessQueues(room, maxJobs, retention);
  }

  @Override
  public Duration retention() {
    return retention;
  }

  @Override
  public synchronized @Nullable StoredValue read(String key, boolean latest, Duration timeout) {
    removeExpired();
    return values.get(key);
  }

  @Override
  public long compareAndSet(String key, byte[] value, long revision, Duration timeout) {
    return write(key, value, null, revision);
  }

  @Override
  public void put(String key, byte[] value, @Nullable String contentType, Duration timeout) {
    write(key, value, contentType, null);
  }

  private long write(String key, byte[] value, @Nullable String contentType, @Nullable Long revision) {
    BrokerMessage message = new BrokerMessage(key, value);
    (contentType == null ? message : message.withHeader(BrokerMessage.CONTENT_TYPE, contentType))
        .requireSendable(InProcessTransport.DEFAULT_MAX_PAYLOAD);
    long written = replace(key, value, contentType, revision);
    tell(key, value);
    return written;
  }

  @Override
  public void delete(String key, long revision, Duration timeout) {
    replace(key, null, null, revision);
    tell(key, new byte[0]);
  }

  private synchronized long replace(String key, byte @Nullable [] value, @Nullable String contentType,
      @Nullable Long revision) {
    removeExpired();
    StoredValue former = values.get(key);
    if (revision != null && revision != (former == null ? 0 : former.revision())) {
      throw new StaleRevisionException(key);
    }
    room.take((value == null ? 0 : value.length) - (former == null ? 0 : former.bytes().length));
    values.remove(key); // so that it becomes the youngest
    if (value != null) {
      values.put(key, new StoredValue(value, contentType, ++lastRevision, Instant.now()));
    }
    return lastRevision;
  }

  private void removeExpired() {
    Instant expired = Instant.now().minus(retention);
    Iterator<StoredValue> each = values.values().iterator();
    while (each.hasNext()) {
      StoredValue oldest = each.next();
      if (oldest.written().isAfter(expired)) {
        return;
      }
      each.remove();
      room.take(-oldest.bytes().length);
    }
  }

  private void tell(String key, byte[] value) {
    if (key.indexOf('.') < 0) {
      watchers.forEach(watcher -> watcher.accept(key, value));
    }
  }

  @Override
  public Watch watch(BiConsumer<String, byte[]> listener) {
    watchers.add(listener);
    return () -> watchers.remove(listener);
  }

  @Override
  public void requireAppendable(BrokerMessage message, String id) {
    message.requireSendable(InProcessTransport.DEFAULT_MAX_PAYLOAD);
  }

  @Override
  public Appended append(BrokerMessage message, String id, Duration timeout) {
    requireAppendable(message, id);
    return queues.append(message, id);
  }

  @Override
  public boolean contains(Appended place, BrokerMessage message, Duration timeout) {
    return queues.contains(place, message);
  }

  @Override
  public JobQueue open(String group, List<String> subjects, Duration lease) {
    return queues.open(group, subjects, lease);
  }

  /** Returns the bytes of all values. */
  synchronized long bytes() {
    removeExpired();
    return values.values().stream().mapToLong(value -> value.bytes().length).sum();
  }

  /** Returns what this store tells and does for operators. */
  public StoreOperations operations() {
    return new InProcessOperations(this, queues, room);
  }

  /** Returns the dead letters, the oldest first. */
  public List<BrokerMessage> deadLetters() {
    return room.deadLetters(0).values().stream().map(InProcessRoom.Letter::message).toList();
  }
}
