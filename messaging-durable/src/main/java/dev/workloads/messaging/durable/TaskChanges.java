package dev.workloads.messaging.durable;

import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * Wakes those who wait for a change of a task. Watches the store from the first wait on; its thread only releases permits.
 *
 * <p>The store may tell of a change before the change can be read, before anybody waits for it, or never. So a thread that
 * waits also looks after pauses. The pauses begin with 50 ms, or with 5 ms once the thread was woken. Each pause is four times
 * the one before, and none is longer than a second.
 */
final class TaskChanges implements AutoCloseable {

  private static final long FIRST_PAUSE_NANOS = TimeUnit.MILLISECONDS.toNanos(50);
  private static final long PAUSE_ONCE_WOKEN_NANOS = TimeUnit.MILLISECONDS.toNanos(5);
  private static final long LONGEST_PAUSE_NANOS = TimeUnit.SECONDS.toNanos(1);

  private final DurableStore store;
  private final Map<String, Set<Signal>> signals = new ConcurrentHashMap<>();
  private final Lock lock = new ReentrantLock();
  private DurableStore.@Nullable Watch watch; // under the lock

  TaskChanges(DurableStore store) {
    this.store = store;
  }

  /**
   * Returns a signal for one thread that waits for the task; to be closed by it.
   *
   * @param relevant whether what is being written is worth a look; called on the store's thread
   */
  Signal of(String id, Predicate<byte[]> relevant) {
    watch();
    Signal signal = new Signal(id, relevant);
    signals.compute(id, (key, others) -> {
      Set<Signal> all = others == null ? ConcurrentHashMap.newKeySet() : others;
      all.add(signal);
      return all;
    });
    return signal;
  }

  private void watch() {
    lock.lock();
    try {
      if (watch == null) {
        watch = store.watch(this::changed);
      }
    } finally {
      lock.unlock();
    }
  }

  private void changed(String id, byte[] value) {
    signals.getOrDefault(id, Set.of()).forEach(signal -> signal.changed(value));
  }

  /** Wakes all threads that wait. */
  void wakeAll() {
    signals.values().forEach(waiting -> waiting.forEach(signal -> signal.woken.release()));
  }

  @Override
  public void close() {
    lock.lock();
    try {
      if (watch != null) {
        watch.close();
      }
    } finally {
      lock.unlock();
    }
  }

  /** Lets one thread wait for the next look at a task. */
  final class Signal implements AutoCloseable {

    private final String id;
    private final Predicate<byte[]> relevant;
    private final Semaphore woken = new Semaphore(0);
    private long pause = FIRST_PAUSE_NANOS;

    private Signal(String id, Predicate<byte[]> relevant) {
      this.id = id;
      this.relevant = relevant;
    }

    private void changed(byte[] value) {
      if (relevant.test(value)) {
        woken.release();
      }
    }

    /** Waits for a change, no longer than the time left or the pause. */
    void await(long leftNanos) throws InterruptedException {
      if (woken.tryAcquire(Math.min(leftNanos, pause), TimeUnit.NANOSECONDS)) {
        woken.drainPermits();
        pause = PAUSE_ONCE_WOKEN_NANOS;
      } else {
        pause = Math.min(4 * pause, LONGEST_PAUSE_NANOS);
      }
    }

    @Override
    public void close() {
      signals.computeIfPresent(id, (key, all) -> {
        all.remove(this);
        return all.isEmpty() ? null : all;
      });
    }
  }
}
