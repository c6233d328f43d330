package dev.workloads.messaging.durable;

import dev.workloads.messaging.BrokerException;
import dev.workloads.messaging.BrokerException.Reason;
import dev.workloads.messaging.BrokerMessage;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.BiConsumer;
import java.util.function.Consumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * A real store that notes what is done in it and with its jobs, and lets a test step in before and after.
 *
 * <p>The operations: {@code entry STATE ATTEMPTS} (a compare-and-set), {@code result}, {@code delete}, {@code append jobs},
 * {@code append jobs-dead}; of a queue {@code pull} and {@code close}; of a job {@code handed}, {@code renew},
 * {@code acknowledge}, {@code terminate}, {@code giveBack DELAY}. Reads are not noted.
 */
public final class ObservedStore implements DurableStore {

  private final DurableStore store;
  private final List<String> done = new CopyOnWriteArrayList<>();
  private volatile Consumer<String> before = operation -> { };
  private volatile Consumer<String> after = operation -> { };
  private volatile Consumer<Boolean> beforeRead = latest -> { };
  private final Map<String, StoredValue> behind = new ConcurrentHashMap<>();
  private volatile boolean silent;
  private volatile boolean hurried;
  private volatile @Nullable Duration queueLease;

  public ObservedStore(DurableStore store) {
    this.store = store;
  }

  /** Calls the listener with each operation before it is done: what it throws is thrown in its place. */
  public void before(Consumer<String> listener) {
    before = listener;
  }

  /** Calls the listener with each operation that was done: what it throws is thrown as if the answer was lost. */
  public void after(Consumer<String> listener) {
    after = listener;
  }

  /** Returns a listener that throws at the first operation of that name. */
  public static Consumer<String> once(String operation, Reason reason) {
    AtomicBoolean thrown = new AtomicBoolean();
    return each -> {
      if (each.equals(operation) && !thrown.getAndSet(true)) {
        throw new BrokerException(reason, "as the test wants");
      }
    };
  }

  /** Tells no watcher of changes any more. */
  public void silence() {
    silent = true;
  }

  /** Has jobs that are given back be handed out again at once, whatever the delay. */
  public void hurry() {
    hurried = true;
  }

  /** Has queues keep this lease, whatever their workers ask for, as queues do that workers may not change. */
  public void keepQueueLease(Duration lease) {
    queueLease = lease;
  }

  /** Returns what was done, in its order. */
  public List<String> done() {
    return List.copyOf(done);
  }

  /** Returns what was done for the tasks, and not to find jobs and keep them. */
  public List<String> steps() {
    return done.stream().filter(operation -> !List.of("pull", "close", "handed", "renew").contains(operation)).toList();
  }

  private <T> T observe(String operation, Supplier<T> call) {
    before.accept(operation);
    T result = call.get();
    done.add(operation);
    after.accept(operation);
    return result;
  }

  private void observe(String operation, Runnable call) {
    observe(operation, () -> {
      call.run();
      return operation;
    });
  }

  /** Calls the listener before each read, with whether the last write is wanted: what it throws is thrown in its place. */
  public void beforeRead(Consumer<Boolean> listener) {
    beforeRead = listener;
  }

  /** Has reads that do not want the last write see the value as it is now. */
  public void followerStaysBehind(String key) {
    behind.put(key, Objects.requireNonNull(store.read(key, true, Duration.ofSeconds(5))));
  }

  @Override
  public Duration retention() {
    return store.retention();
  }

  @Override
  public @Nullable StoredValue read(String key, boolean latest, Duration timeout) {
    beforeRead.accept(latest);
    StoredValue old = latest ? null : behind.get(key);
    return old == null ? store.read(key, latest, timeout) : old;
  }

  @Override
  public long compareAndSet(String key, byte[] value, long revision, Duration timeout) {
    TaskRecord task = TaskRegister.parse(value);
    return observe("entry " + task.state().text() + " " + task.attempts(),
        () -> store.compareAndSet(key, value, revision, timeout));
  }

  @Override
  public void put(String key, byte[] value, @Nullable String contentType, Duration timeout) {
    observe("result", () -> store.put(key, value, contentType, timeout));
  }

  @Override
  public void delete(String key, long revision, Duration timeout) {
    observe("delete", () -> store.delete(key, revision, timeout));
  }

  @Override
  public Watch watch(BiConsumer<String, byte[]> listener) {
    return store.watch((key, value) -> {
      if (!silent) {
        listener.accept(key, value);
      }
    });
  }

  @Override
  public void requireAppendable(BrokerMessage message, String id) {
    store.requireAppendable(message, id);
  }

  @Override
  public Appended append(BrokerMessage message, String id, Duration timeout) {
    return observe("append " + message.subject().split("\\.")[0], () -> store.append(message, id, timeout));
  }

  @Override
  public boolean contains(Appended place, BrokerMessage job, Duration timeout) {
    return observe("contains", () -> store.contains(place, job, timeout));
  }

  @Override
  public JobQueue open(String group, List<String> subjects, Duration lease) {
    Duration kept = queueLease;
    JobQueue queue = store.open(group, subjects, kept == null ? lease : kept);
    return new JobQueue() {

      @Override
      public void pull(int max, Duration wait, Consumer<Job> receiver) throws InterruptedException {
        before.accept("pull");
        queue.pull(max, wait, job -> observe("handed", () -> receiver.accept(observed(job))));
        done.add("pull");
      }

      @Override
      public Backlog backlog(Duration timeout) {
        return queue.backlog(timeout);
      }

      @Override
      public void close() {
        observe("close", queue::close);
      }
    };
  }

  private Job observed(Job job) {
    return new Job() {

      @Override
      public BrokerMessage message() {
        return job.message();
      }

      @Override
      public long sequence() {
        return job.sequence();
      }

      @Override
      public long deliveries() {
        return job.deliveries();
      }

      @Override
      public void renew() {
        observe("renew", job::renew);
      }

      @Override
      public void acknowledge() {
        observe("acknowledge", job::acknowledge);
      }

      @Override
      public void terminate() {
        observe("terminate", job::terminate);
      }

      @Override
      public void giveBack(Duration delay) {
        observe("giveBack " + delay, () -> job.giveBack(hurried ? Duration.ZERO : delay));
      }
    };
  }
}
