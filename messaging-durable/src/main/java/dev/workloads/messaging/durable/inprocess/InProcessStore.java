package dev.workloads.messaging.durable.inprocess;

import dev.workloads.messaging.BrokerException;
import dev.workloads.messaging.BrokerException.Reason;
import dev.workloads.messaging.BrokerMessage;
import dev.workloads.messaging.durable.DurableStore;
import dev.workloads.messaging.durable.JobQueue;
import dev.workloads.messaging.durable.Jobs;
import dev.workloads.messaging.durable.ProvisioningException;
import dev.workloads.messaging.durable.StaleRevisionException;
import dev.workloads.messaging.durable.StoredValue;
import dev.workloads.messaging.inprocess.InProcessTransport;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayDeque;
import java.util.Collections;
import java.util.Deque;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;

/**
 * Keeps values and jobs in memory, with the semantics of JetStream, until the process ends. Bounded: what does not fit is
 * refused. One lock guards all; watchers are called on the writer's thread, without it.
 */
public final class InProcessStore implements DurableStore {

  private static final Duration LONGEST_DUPLICATE_WINDOW = Duration.ofMinutes(2);
  private static final int MAX_MESSAGE_IDS = 100_000; // then the oldest is forgotten
  private static final int MAX_DEAD_LETTERS = 1000; // then the oldest is dropped

  private final Duration retention;
  private final long maxBytes;
  private final long maxJobs;
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition jobsChanged = lock.newCondition();
  // All of these under the lock; the first entry is the oldest
  private final Map<String, StoredValue> values = new LinkedHashMap<>();
  private final Map<String, InProcessJobQueue> queues = new LinkedHashMap<>();
  private final Map<String, Kept> messageIds = new LinkedHashMap<>();
  private final Deque<BrokerMessage> deadLetters = new ArrayDeque<>();
  private long lastRevision;
  private long lastLetter;
  private long bytes;

  private final List<BiConsumer<String, byte[]>> watchers = new CopyOnWriteArrayList<>();

  /** Where the first message with an id was put, and when. */
  private record Kept(Appended place, Instant at) {}

  /**
   * Creates a store.
   *
   * @param retention how long a value is kept that is not written again
   * @param maxBytes the most bytes of values, jobs and dead letters, which never get more than an eighth of the heap
   * @param maxJobs the most jobs in one queue
   */
  public InProcessStore(Duration retention, long maxBytes, long maxJobs) {
    this.retention = retention;
    this.maxBytes = Math.min(maxBytes, Runtime.getRuntime().maxMemory() / 8);
    this.maxJobs = maxJobs;
  }

  @Override
  public Duration retention() {
    return retention;
  }

  @Override
  public @Nullable StoredValue read(String key, boolean latest, Duration timeout) {
    lock.lock();
    try {
      removeExpired();
      return values.get(key);
    } finally {
      lock.unlock();
    }
  }

  @Override
  public long compareAndSet(String key, byte[] value, long revision, Duration timeout) {
    long written;
    lock.lock();
    try {
      requireRevision(key, revision);
      written = write(key, value, null);
    } finally {
      lock.unlock();
    }
    changed(key, value);
    return written;
  }

  @Override
  public void put(String key, byte[] value, @Nullable String contentType, Duration timeout) {
    lock.lock();
    try {
      write(key, value, contentType);
    } finally {
      lock.unlock();
    }
    changed(key, value);
  }

  @Override
  public void delete(String key, long revision, Duration timeout) {
    lock.lock();
    try {
      requireRevision(key, revision);
      remove(key);
    } finally {
      lock.unlock();
    }
    changed(key, new byte[0]);
  }

  private void requireRevision(String key, long revision) {
    removeExpired();
    StoredValue there = values.get(key);
    if ((there == null ? 0 : there.revision()) != revision) {
      throw new StaleRevisionException(key);
    }
  }

  private long write(String key, byte[] value, @Nullable String contentType) {
    BrokerMessage message = new BrokerMessage(key, value);
    (contentType == null ? message : message.withHeader("Content-Type", contentType))
        .requireSendable(InProcessTransport.DEFAULT_MAX_PAYLOAD);
    removeExpired();
    StoredValue former = values.get(key);
    reserve(value.length - (former == null ? 0 : former.bytes().length));
    values.remove(key); // so that it becomes the youngest
    values.put(key, new StoredValue(value, contentType, ++lastRevision, Instant.now()));
    return lastRevision;
  }

  private void remove(String key) {
    StoredValue removed = values.remove(key);
    if (removed != null) {
      bytes -= removed.bytes().length;
    }
  }

  private void removeExpired() {
    Instant expired = Instant.now().minus(retention);
    for (Iterator<StoredValue> each = values.values().iterator(); each.hasNext();) {
      StoredValue oldest = each.next();
      if (oldest.written().isAfter(expired)) {
        return;
      }
      each.remove();
      bytes -= oldest.bytes().length;
    }
  }

  private void reserve(long more) {
    while (bytes + more > maxBytes && !deadLetters.isEmpty()) {
      bytes -= deadLetters.remove().size(); // as a stream that discards its oldest messages
    }
    if (bytes + more > maxBytes) {
      throw new BrokerException(Reason.OVERLOADED, "there is no room for more: " + maxBytes + " bytes are taken");
    }
    bytes += more;
  }

  private void changed(String key, byte[] value) {
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
    lock.lock();
    try {
      forgetOldIds();
      InProcessJobQueue queue = queue(message.subject());
      Kept first = messageIds.get(id);
      if (first != null) {
        return first.place();
      }
      Appended place = queue == null ? bury(message) : enqueue(message, queue);
      messageIds.put(id, new Kept(new Appended(place.queue(), place.sequence(), true), Instant.now()));
      jobsChanged.signalAll();
      return place;
    } finally {
      lock.unlock();
    }
  }

  @Override
  public boolean contains(Appended place, BrokerMessage message, Duration timeout) {
    lock.lock();
    try {
      InProcessJobQueue queue = queues.get(place.queue());
      return queue != null && queue.contains(place.sequence(), message);
    } finally {
      lock.unlock();
    }
  }

  /** Returns the queue that takes a subject, or {@code null} for the dead letters. */
  private @Nullable InProcessJobQueue queue(String subject) {
    return subject.startsWith(Jobs.DEAD_LETTER_PREFIX) ? null
        : queues.values().stream().filter(queue -> queue.takes(subject)).findFirst()
            .orElseThrow(() -> new BrokerException(Reason.NO_RESPONDERS, "no queue takes " + subject));
  }

  private Appended enqueue(BrokerMessage job, InProcessJobQueue queue) {
    if (queue.size() >= maxJobs) {
      throw new BrokerException(Reason.OVERLOADED, "there is no room for more: " + maxJobs + " jobs wait");
    }
    reserve(job.size());
    return new Appended(queue.group(), queue.add(job), false);
  }

  private Appended bury(BrokerMessage letter) {
    reserve(letter.size());
    deadLetters.add(letter);
    if (deadLetters.size() > MAX_DEAD_LETTERS) {
      bytes -= deadLetters.remove().size();
    }
    return new Appended(letter.subject(), ++lastLetter, false);
  }

  private void forgetOldIds() {
    Instant forgotten = Instant.now().minus(Collections.min(List.of(retention, LONGEST_DUPLICATE_WINDOW)));
    Iterator<Kept> each = messageIds.values().iterator();
    while (each.hasNext() && (each.next().at().isBefore(forgotten) || messageIds.size() >= MAX_MESSAGE_IDS)) {
      each.remove();
    }
  }

  @Override
  public JobQueue open(String group, List<String> subjects, Duration lease) {
    lock.lock();
    try {
      requireFree(subjects, group);
      InProcessJobQueue queue = queues.computeIfAbsent(group,
          name -> new InProcessJobQueue(name, lock, jobsChanged, released -> bytes -= released.size()));
      queue.enlarge(subjects, lease);
      return queue;
    } finally {
      lock.unlock();
    }
  }

  private void requireFree(List<String> subjects, String group) {
    queues.forEach((name, queue) -> subjects.stream().filter(queue::takes).findFirst().ifPresent(subject -> {
      if (!name.equals(group)) {
        throw new ProvisioningException(List.of("The group " + group + " cannot take " + subject
            + ", which belongs to the group " + name + ". Each subject belongs to one group."));
      }
    }));
  }

  /** Returns the dead letters, the oldest first. */
  public List<BrokerMessage> deadLetters() {
    lock.lock();
    try {
      return List.copyOf(deadLetters);
    } finally {
      lock.unlock();
    }
  }
}
