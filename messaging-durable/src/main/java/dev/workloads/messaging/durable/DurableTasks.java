package dev.workloads.messaging.durable;

import dev.workloads.messaging.BrokerException;
import dev.workloads.messaging.BrokerException.Reason;
import dev.workloads.messaging.BrokerMessage;
import dev.workloads.messaging.BrokerMessageHandler;
import dev.workloads.messaging.Retry;
import dev.workloads.messaging.Subjects;
import dev.workloads.messaging.durable.DurableStore.Appended;
import java.security.SecureRandom;
import java.time.Duration;
import java.time.Instant;
import java.util.Base64;
import java.util.Objects;
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
  private static final int MAX_UNREADABLE = 1000; // then the log has it
  private static final Logger log = LoggerFactory.getLogger(DurableTasks.class);

  private final DurableStore store;
  private final TaskRegister register;
  private final TaskChanges changes;
  private final Duration retryWindow;
  private final UnaryOperator<BrokerMessageHandler> around;
  private final SecureRandom random = new SecureRandom();
  private final Set<String> unreadable = ConcurrentHashMap.newKeySet();

  /**
   * Creates a client.
   *
   * @param retryWindow how long a submission is tried again that no worker took
   * @param around stands around each submission; it returns what it is given, or throws what it is thrown
   */
  public DurableTasks(DurableStore store, Duration retryWindow, UnaryOperator<BrokerMessageHandler> around) {
    this.store = store;
    this.register = new TaskRegister(store);
    this.changes = new TaskChanges(store);
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
   *     full; after a {@code TIMEOUT} the task may exist: the same submission with the same key is safe. After any other
   *     nothing is left of this submission, and its key is free
   */
  public TaskStatus submit(String worker, byte[] payload, @Nullable String idempotencyKey, Duration timeout) {
    if (!Subjects.isWorkerName(worker)) {
      throw new IllegalArgumentException("not a worker's name");
    }
    Deadline deadline = Deadline.after(timeout);
    String id = idempotencyKey == null ? randomId() : TaskRegister.id(idempotencyKey);
    BrokerMessage job = new BrokerMessage(Jobs.SUBJECT_PREFIX + worker, payload).withHeader(Jobs.TASK_ID_HEADER, id);
    TaskRecord task = TaskRecord.queued(worker, TaskRegister.hash(worker, payload), Instant.now());
    Submission submission = Retry.within(retryWindow, elapsed -> {
      store.requireAppendable(job, id); // so that mostly nothing has to be deleted
      return createOrRepeat(id, task, deadline);
    });
    if (submission.entry().task().isNew()) {
      try {
        publish(job, id, deadline);
      } catch (IllegalArgumentException | BrokerException e) {
        if (!submission.isRepeat() && !(e instanceof BrokerException unknown && unknown.reason() == Reason.TIMEOUT)) {
          forget(submission.entry(), deadline);
        }
        throw e;
      }
    }
    return submission.entry();
  }

  /**
   * What a submission has found or made.
   *
   * @param isRepeat whether another one made it, which then deletes it no more, if it was refused
   */
  private record Submission(TaskStatus entry, boolean isRepeat) {}

  private Submission createOrRepeat(String id, TaskRecord task, Deadline deadline) {
    while (true) {
      try {
        return new Submission(register.create(id, task, deadline.remaining()), false);
      } catch (StaleRevisionException e) {
        TaskStatus found = repeat(id, task, deadline);
        if (found != null) {
          return new Submission(found, true);
        }
      }
    }
  }

  /**
   * Returns the entry that another submission has made, or {@code null} if it is gone. The other one may be about to delete
   * it, by its revision, because its job was refused: then the job of this one had none. So it gets another revision.
   */
  private @Nullable TaskStatus repeat(String id, TaskRecord task, Deadline deadline) {
    TaskStatus found = findSubmitted(id, deadline);
    if (found == null) {
      return null;
    }
    if (!found.task().hash().equals(task.hash())) {
      throw new IdempotencyKeyReusedException();
    }
    try {
      return found.task().isNew() ? register.replace(found, found.task(), deadline.remaining()) : found;
    } catch (StaleRevisionException e) {
      TaskStatus latest = findSubmitted(id, deadline);
      return latest != null && latest.task().equals(found.task()) ? latest : null; // another repeat has given it one
    }
  }

  private @Nullable TaskStatus findSubmitted(String id, Deadline deadline) {
    try {
      return register.findLatest(id, deadline.remaining());
    } catch (UnreadableEntryException e) {
      tell(e);
      throw new IdempotencyKeyReusedException("the idempotency key belongs to a task that cannot be read: take another key");
    }
  }

  private void publish(BrokerMessage job, String id, Deadline deadline) {
    try {
      Objects.requireNonNull(around.apply(traced -> Retry.within(retryWindow, elapsed -> {
        append(traced, id, deadline);
        return traced;
      })).handle(job));
    } catch (BrokerException e) {
      throw e.reason() == Reason.NO_RESPONDERS
          ? new BrokerException(Reason.NO_RESPONDERS, "no durable worker takes " + job.subject(), e) : e;
    } catch (RuntimeException e) {
      throw e;
    } catch (Exception e) {
      throw new IllegalStateException("a submission throws no checked exception", e);
    }
  }

  /**
   * Appends a job. If one was appended before under its id and is gone, its queue was emptied, or a worker has just ended it,
   * or somebody has cancelled it: that entry is finished then, or names the job that it was started for, and workers end any
   * other job of such an entry without a run. So a second job does no harm, and none would be a task that never runs. Several
   * repeats name it by the job that is gone, so that they append one.
   */
  private void append(BrokerMessage job, String id, Deadline deadline) {
    Appended place = store.append(job, id, deadline.remaining());
    while (place.duplicate() && !isQueued(place, job, deadline)) {
      place = store.append(job, id + "-" + place.sequence(), deadline.remaining());
    }
  }

  // A failure is no refusal: the job may be there
  private boolean isQueued(Appended place, BrokerMessage job, Deadline deadline) {
    try {
      return store.contains(place, job, deadline.remaining());
    } catch (BrokerException e) {
      throw new BrokerException(Reason.TIMEOUT, "the task was submitted before, and whether its job is still in "
          + place.queue() + " is unknown: " + e.getMessage(), e);
    }
  }

  // What is left, should this fail, is found by a repeat, or expires unseen
  private void forget(TaskStatus refused, Deadline deadline) {
    try {
      store.delete(refused.id(), refused.revision(), deadline.remaining());
    } catch (BrokerException | StaleRevisionException e) {
      return;
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

  // Once for each, since clients ask again and again
  private void tell(UnreadableEntryException e) {
    String text = String.valueOf(e.getMessage());
    if (unreadable.size() < MAX_UNREADABLE && unreadable.add(text)) {
      log.warn("Clients are told that there is no such task, since {}: somebody else has written it. Delete it", text);
    }
  }

  /** Waits as the other method does, for nobody who could give up. */
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

  // With a revision that none has: it is not known before the value is kept
  private boolean isWanted(String id, byte[] value, Predicate<TaskStatus> wanted) {
    TaskRecord task = TaskRegister.parse(value);
    return task == null || wanted.test(new TaskStatus(id, task, Instant.now(), NO_REVISION));
  }

  /** Lets all who wait look at their task now, and at whether they still wait. */
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

  private String randomId() {
    byte[] bytes = new byte[RANDOM_ID_BYTES];
    random.nextBytes(bytes);
    return Base64.getUrlEncoder().withoutPadding().encodeToString(bytes);
  }

  /** Ends the notice of changes; who waits goes on to look, no less than once a second. */
  @Override
  public void close() {
    changes.close();
  }
}
