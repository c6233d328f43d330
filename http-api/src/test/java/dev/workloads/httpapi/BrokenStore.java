package dev.workloads.httpapi;

import dev.workloads.messaging.BrokerMessage;
import dev.workloads.messaging.durable.DurableStore;
import dev.workloads.messaging.durable.JobQueue;
import dev.workloads.messaging.durable.StoredValue;
import dev.workloads.messaging.durable.inprocess.InProcessStore;
import java.time.Duration;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;

/** A store in memory of which a step fails when the test says so, and which knows how long each step might have taken. */
final class BrokenStore implements DurableStore {

  private final DurableStore store = new InProcessStore(Duration.ofHours(1), 10_000_000, 100_000);
  private volatile @Nullable RuntimeException onRead;
  private volatile @Nullable RuntimeException onWrite;
  private volatile @Nullable RuntimeException onAppend;
  private final Queue<Duration> timeouts = new ConcurrentLinkedQueue<>();

  /** Lets each kind of step fail from now on, or work. */
  void fail(@Nullable RuntimeException onRead, @Nullable RuntimeException onWrite, @Nullable RuntimeException onAppend) {
    this.onRead = onRead;
    this.onWrite = onWrite;
    this.onAppend = onAppend;
  }

  /** Returns the timeouts of the steps since the last call. */
  List<Duration> timeouts() {
    List<Duration> taken = List.copyOf(timeouts);
    timeouts.clear();
    return taken;
  }

  private void check(@Nullable RuntimeException failure, Duration timeout) {
    timeouts.add(timeout);
    if (failure != null) {
      throw failure;
    }
  }

  @Override
  public Duration retention() {
    return store.retention();
  }

  @Override
  public @Nullable StoredValue read(String key, boolean latest, Duration timeout) {
    check(onRead, timeout);
    return store.read(key, latest, timeout);
  }

  @Override
  public long compareAndSet(String key, byte[] value, long revision, Duration timeout) {
    check(onWrite, timeout);
    return store.compareAndSet(key, value, revision, timeout);
  }

  @Override
  public void put(String key, byte[] value, @Nullable String contentType, Duration timeout) {
    check(onWrite, timeout);
    store.put(key, value, contentType, timeout);
  }

  @Override
  public void delete(String key, long revision, Duration timeout) {
    check(onWrite, timeout);
    store.delete(key, revision, timeout);
  }

  @Override
  public Watch watch(BiConsumer<String, byte[]> listener) {
    return store.watch(listener);
  }

  @Override
  public void requireAppendable(BrokerMessage message, String id) {
    store.requireAppendable(message, id);
  }

  @Override
  public Appended append(BrokerMessage message, String id, Duration timeout) {
    check(onAppend, timeout);
    return store.append(message, id, timeout);
  }

  @Override
  public boolean contains(Appended place, BrokerMessage job, Duration timeout) {
    check(onRead, timeout);
    return store.contains(place, job, timeout);
  }

  @Override
  public JobQueue open(String group, List<String> subjects, Duration lease) {
    return store.open(group, subjects, lease);
  }
}
