package dev.workloads.messaging.durable;

import dev.workloads.messaging.BrokerException;
import dev.workloads.messaging.BrokerMessage;
import dev.workloads.messaging.BrokerMessageHandler;
import java.security.SecureRandom;
import java.time.Duration;
import java.time.Instant;
import java.util.Base64;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.BooleanSupplier;
import java.util.function.Predicate;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Submits tasks that are kept and done at least once, tells how they are, and takes them back. Blocks; safe for use by many
 * threads.
 *
 * <p>Each method throws {@link BrokerException} if the broker cannot be asked: {@code TIMEOUT} if it did not answer within
 * the timeout, which bounds all that is done, else {@code BROKER_UNAVAILABLE}.
 */
public final class DurableTasks implements AutoCloseable {

  private static final int RANDOM_ID_BYTES = 16;
  private static final long NO_REVISION = -1;
  private static final int MAX_UNREADABLE = 1000; // the log has shown enough by then
  private static final Logger log = LoggerFactory.getLogger(DurableTasks.class);

  private final TaskRegister register;
  private final TaskSubmissions submissions;
  private final PutBack putBack;
  private final TaskChanges changes;
  private final SecureRandom random = new SecureRandom();
  private final Set<String> unreadable = ConcurrentHashMap.newKeySet();

  /**
   * Creates a client.
   *
   * @param retryWindow how long a submission that no worker took is tried again
   * @param around stands around each submission; it returns what it is given, or throws what it is thrown
   */
  public DurableTasks(DurableStore store, Duration retryWindow, UnaryOperator<BrokerMessageHandler> around) {
    this.register = new TaskRegister(store);
    this.submissions = new TaskSubmissions(store, register, retryWindow, around);
    this.putBack = new PutBack(register, submissions);
    this.changes = new TaskChanges(store);
  }

  /**
   * Submits a task that belongs to no client.
   *
   * @param idempotencyKey the first alone is done of several submissions with one key; {@code null} for none
   * @throws IllegalArgumentException if the worker's name is malformed
   * @see #submit(NewTask, Duration)
   */
  public TaskStatus submit(String worker, byte[] payload, @Nullable String idempotencyKey, Duration timeout) {
    return submit(new NewTask(worker, payload, idempotencyKey == null ? null : TaskRegister.id(idempotencyKey), null), timeout);
  }

  /**
   * Submits a task. When this returns, the task survives the death of every process that has no part in keeping it.
   *
   * @return how the task is, which with an id may be any state
   * @throws IdempotencyKeyReusedException if the id is that of a task with another client, worker or payload
   * @throws BrokerException {@code NO_RESPONDERS} if no durable worker takes the name, {@code OVERLOADED} if its queue is
   *     full; after a {@code TIMEOUT} the task may exist: the same submission with the same id is safe. After any other
   *     nothing is left of this submission, and its id is free
   */
  public TaskStatus submit(NewTask task, Duration timeout) {
    try {
      return submissions.submit(task, task.id() == null ? randomId() : task.id(), Deadline.after(timeout));
    } catch (UnreadableEntryException e) {
      tell(e);
      throw new IdempotencyKeyReusedException("the idempotency key belongs to a task that cannot be read: take another key");
    }
  }

  /** Returns how a task is, or {@code null} if there is none with the id. */
  public @Nullable TaskStatus find(String id, Duration timeout) {
    return orNone(() -> register.find(id, timeout));
  }

  /** Returns what a search has found; what cannot be read is no task. */
  private @Nullable TaskStatus orNone(Supplier<@Nullable TaskStatus> search) {
    try {
      return search.get();
    } catch (UnreadableEntryException e) {
      tell(e);
      return null;
    }
  }

  // One line for each task, since clients ask again and again
  private void tell(UnreadableEntryException e) {
    String text = String.valueOf(e.getMessage());
    if (unreadable.size() < MAX_UNREADABLE && unreadable.add(text)) {
      log.warn("Clients are told that there is no such task, since {}: somebody else has written it. Delete it", text);
    }
  }

  /** Waits as the other method does, for a client that does not give up. */
  public @Nullable TaskStatus await(TaskStatus known, Predicate<TaskStatus> wanted, Duration wait, Duration timeout)
      throws InterruptedException {
    return await(known, wanted, () -> false, wait, timeout);
  }

  /**
   * Waits until a task is as wanted.
   *
   * @param known how the task was when it was submitted or found
   * @param wanted what is waited for; also called on a thread of the store, with what is about to be written, and must not
   *     block
   * @param abandoned whether nobody waits any more; called on the waiting thread only, once a second and after each
   *     {@link #wakeAll}
   * @param wait the longest wait
   * @param timeout the longest that the broker may take to answer once
   * @return how the task is in the end, as wanted or not, or {@code null} if it has expired
   * @throws InterruptedException if the thread is interrupted
   */
  public @Nullable TaskStatus await(TaskStatus known, Predicate<TaskStatus> wanted, BooleanSupplier abandoned,
      Duration wait, Duration timeout) throws InterruptedException {
    String id = known.id();
    long end = System.nanoTime() + wait.toNanos();
    TaskStatus status = known;
    try (TaskChanges.Signal signal = changes.of(id, value -> isWanted(id, value, wanted))) {
      while (status != null && !wanted.test(status) && end - System.nanoTime() > 0 && !abandoned.getAsBoolean()) {
        signal.await(end - System.nanoTime());
        status = find(id, timeout);
      }
    }
    return status;
  }

  // The revision of a value is not known before the value is kept, so this entry has one that no other has
  private boolean isWanted(String id, byte[] value, Predicate<TaskStatus> wanted) {
    TaskRecord task = TaskRegister.parse(value);
    return task == null || wanted.test(new TaskStatus(id, task, Instant.now(), NO_REVISION));
  }

  /** Has all threads that wait look at their task now, and at whether they still wait. */
  public void wakeAll() {
    changes.wakeAll();
  }

  /** Returns the result of a task that has succeeded, or {@code null} if it has expired. */
  public @Nullable TaskResult result(TaskStatus succeeded, Duration timeout) {
    return register.findResult(succeeded, timeout);
  }

  /**
   * Takes a task back if no worker is at it, so that none ever will be.
   *
   * @return how the task is now: {@code CANCELLED}, or why it could not be; {@code null} if there is none with the id
   */
  public @Nullable TaskStatus cancel(String id, Duration timeout) {
    return cancel(id, task -> true, timeout);
  }

  /**
   * Takes a task back if no worker is at it, and if it is as the condition wants it until then.
   *
   * @return how the task is now, {@code QUEUED} if it is not as the condition wants it; {@code null} if there is none
   */
  public @Nullable TaskStatus cancel(String id, Predicate<TaskStatus> condition, Duration timeout) {
    Deadline deadline = Deadline.after(timeout);
    while (true) {
      TaskStatus entry = orNone(() -> register.findLatest(id, deadline.remaining()));
      if (entry == null || entry.task().state() != TaskState.QUEUED || !condition.test(entry)) {
        return entry;
      }
      try {
        return register.replace(entry, entry.task().cancelled(Instant.now()), deadline.remaining());
      } catch (StaleRevisionException e) {
        continue; // a worker may have begun: look again
      }
    }
  }

  /**
   * Has the task of a dead letter done once more, under its id and for its client: it starts anew, or is submitted again if its
   * entry has expired. The letter stays. May be repeated: a task that was put back before is not done twice for it.
   *
   * @param sequence tells the letter from all others
   * @return why the task is left as it is, or {@code null} if it is put back
   * @throws BrokerException also {@code NO_RESPONDERS} if no durable worker takes its name, {@code OVERLOADED} if its queue is full
   */
  public @Nullable String putBack(BrokerMessage letter, long sequence, Duration timeout) {
    return putBack.of(letter, sequence, Deadline.after(timeout));
  }

  private String randomId() {
    byte[] bytes = new byte[RANDOM_ID_BYTES];
    random.nextBytes(bytes);
    return Base64.getUrlEncoder().withoutPadding().encodeToString(bytes);
  }

  /** Ends the watch of the store. Threads that wait go on to look, at least once a second. */
  @Override
  public void close() {
    changes.close();
  }
}
