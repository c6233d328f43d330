package dev.workloads.messaging.durable;

import dev.workloads.messaging.BrokerException;
import dev.workloads.messaging.BrokerException.Reason;
import dev.workloads.messaging.BrokerMessage;
import dev.workloads.messaging.BrokerMessageHandler;
import dev.workloads.messaging.Retry;
import dev.workloads.messaging.Subjects;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.security.SecureRandom;
import java.time.Duration;
import java.time.Instant;
import java.util.Base64;
import java.util.Objects;
import java.util.function.Predicate;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

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

  private final DurableStore store;
  private final TaskRegister register;
  private final TaskChanges changes;
  private final Duration retention;
  private final Duration retryWindow;
  private final UnaryOperator<BrokerMessageHandler> around;
  private final SecureRandom random = new SecureRandom();

  /**
   * Creates a client.
   *
   * @param retention how long the store keeps what is not written any more
   * @param retryWindow how long a submission is tried again that no worker took
   * @param around stands around each submission; it returns what it is given, or throws what it is thrown
   */
  public DurableTasks(DurableStore store, Duration retention, Duration retryWindow,
      UnaryOperator<BrokerMessageHandler> around) {
    this.store = store;
    this.register = new TaskRegister(store);
    this.changes = new TaskChanges(store);
    this.retention = retention;
    this.retryWindow = retryWindow;
    this.around = around;
  }

  /**
   * Submits a task. When this returns, the task survives the death of every process that has no part in keeping it.
   *
   * @param worker the name of the worker that it is for
   * @param payload what its handler gets, not to be changed
   * @param idempotencyKey of several submissions with one key the first alone is done, or {@code null} for none
   * @return how the task is, which with a key may be any state
   * @throws IllegalArgumentException if the worker's name is malformed
   * @throws IdempotencyKeyReusedException if the key is that of a task with another worker or payload
   * @throws BrokerException {@code NO_RESPONDERS} if no durable worker takes the name, {@code OVERLOADED} if its queue is
   *     full; after a {@code TIMEOUT} the task may exist: the same submission with the same key is safe
   */
  public TaskStatus submit(String worker, byte[] payload, @Nullable String idempotencyKey, Duration timeout) {
    if (!Subjects.isWorkerName(worker)) {
      throw new IllegalArgumentException("not a worker's name");
    }
    Deadline deadline = Deadline.after(timeout);
    String hash = hash(worker, payload);
    String id = idempotencyKey == null ? randomId() : hash(idempotencyKey.getBytes(StandardCharsets.UTF_8));
    TaskRecord task = TaskRecord.queued(worker, hash, Instant.now());
    TaskEntry entry = Retry.within(retryWindow, elapsed -> createOrFind(id, task, deadline));
    if (!entry.task().hash().equals(hash)) {
      throw new IdempotencyKeyReusedException();
    }
    if (entry.task().isNew()) {
      try {
        publish(new BrokerMessage(Jobs.SUBJECT_PREFIX + worker, payload).withHeader(Jobs.TASK_ID_HEADER, id), id, deadline);
      } catch (BrokerException e) {
        if (idempotencyKey == null && e.reason() != Reason.TIMEOUT) {
          forget(entry, deadline);
        }
        throw e.reason() == Reason.NO_RESPONDERS
            ? new BrokerException(Reason.NO_RESPONDERS, "no durable worker takes " + Jobs.SUBJECT_PREFIX + worker, e) : e;
      }
    }
    return status(entry);
  }

  private TaskEntry createOrFind(String id, TaskRecord task, Deadline deadline) {
    try {
      return register.create(id, task, deadline.remaining());
    } catch (StaleRevisionException e) {
      TaskEntry found = register.findLatest(id, deadline.remaining());
      return found == null ? createOrFind(id, task, deadline) : found; // it has just expired
    }
  }

  private void publish(BrokerMessage job, String id, Deadline deadline) {
    try {
      Objects.requireNonNull(around.apply(traced -> Retry.within(retryWindow, elapsed -> {
        store.append(traced, id, deadline.remaining());
        return traced;
      })).handle(job));
    } catch (RuntimeException e) {
      throw e;
    } catch (Exception e) {
      throw new IllegalStateException("a submission throws no checked exception", e);
    }
  }

  // Nobody knows the id: what is left of it, should this fail, expires unseen
  private void forget(TaskEntry refused, Deadline deadline) {
    try {
      store.delete(refused.id(), refused.revision(), deadline.remaining());
    } catch (BrokerException | StaleRevisionException e) {
      return;
    }
  }

  /** Returns how a task is, or {@code null} if there is none with the id. */
  public @Nullable TaskStatus find(String id, Duration timeout) {
    TaskEntry found = register.find(id, timeout);
    return found == null ? null : status(found);
  }

  /**
   * Waits until a task is as wanted.
   *
   * @param known how the task was when it was submitted or found
   * @param wanted what is waited for; also called on a thread of the store, with what is about to be written, and must not
   *     block
   * @param wait the longest wait
   * @param timeout the longest that the broker may take to answer once
   * @return how the task is in the end, as wanted or not, or {@code null} if it has expired
   * @throws InterruptedException if the thread is interrupted
   */
  public @Nullable TaskStatus await(TaskStatus known, Predicate<TaskStatus> wanted, Duration wait, Duration timeout)
      throws InterruptedException {
    String id = known.id();
    long end = System.nanoTime() + wait.toNanos();
    TaskStatus status = known;
    try (TaskChanges.Signal signal = changes.of(id, value -> isWanted(id, value, wanted))) {
      while (status != null && !wanted.test(status) && end - System.nanoTime() > 0) {
        signal.await(end - System.nanoTime());
        status = find(id, timeout);
      }
    }
    return status;
  }

  // With a revision that none has: it is not known before the value is kept
  private boolean isWanted(String id, byte[] value, Predicate<TaskStatus> wanted) {
    TaskRecord task = TaskRegister.parse(value);
    return task == null || wanted.test(status(new TaskEntry(id, task, NO_REVISION, Instant.now())));
  }

  /** Lets all who wait look at their task now, so that they find out what they want of it by now. */
  public void wakeAll() {
    changes.wakeAll();
  }

  /** Returns the result of a task that has succeeded, or {@code null} if it has expired. */
  public @Nullable TaskResult result(TaskStatus succeeded, Duration timeout) {
    StoredValue stored = store.read(resultKey(succeeded.id(), succeeded.attempts()), false, timeout);
    return stored == null ? null : new TaskResult(stored.bytes(), stored.contentType());
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
      TaskEntry entry = register.findLatest(id, deadline.remaining());
      if (entry == null || entry.task().state() != TaskState.QUEUED || !condition.test(status(entry))) {
        return entry == null ? null : status(entry);
      }
      try {
        return status(register.replace(entry, entry.task().cancelled(Instant.now()), deadline.remaining()));
      } catch (StaleRevisionException e) {
        continue; // a worker may have begun: look again
      }
    }
  }

  private TaskStatus status(TaskEntry entry) {
    TaskRecord task = entry.task();
    return new TaskStatus(entry.id(), task.worker(), task.state(), task.attempts(), task.submitted(), task.started(),
        task.finished(), entry.written().plus(retention), task.error(), entry.revision());
  }

  static String resultKey(String id, int attempt) {
    return id + ".r" + attempt;
  }

  private String randomId() {
    byte[] bytes = new byte[RANDOM_ID_BYTES];
    random.nextBytes(bytes);
    return Base64.getUrlEncoder().withoutPadding().encodeToString(bytes);
  }

  /** Returns what tells whether two submissions are the same. */
  static String hash(String worker, byte[] payload) {
    return hash(worker.getBytes(StandardCharsets.UTF_8), new byte[] {'\n'}, payload);
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

  /** Ends the notice of changes; who waits goes on to look, no less than once a second. */
  @Override
  public void close() {
    changes.close();
  }
}
