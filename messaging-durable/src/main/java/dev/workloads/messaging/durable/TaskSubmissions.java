package dev.workloads.messaging.durable;

import dev.workloads.messaging.BrokerException;
import dev.workloads.messaging.BrokerException.Reason;
import dev.workloads.messaging.BrokerMessage;
import dev.workloads.messaging.BrokerMessageHandler;
import dev.workloads.messaging.Retry;
import dev.workloads.messaging.durable.DurableStore.Appended;
import java.time.Duration;
import java.time.Instant;
import java.util.Objects;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * Submits tasks: writes the entry of each, then its job. Safe for use by many threads; throws and blocks as {@link DurableTasks}
 * does.
 */
final class TaskSubmissions {

  private final DurableStore store;
  private final TaskRegister register;
  private final Duration retryWindow;
  private final UnaryOperator<BrokerMessageHandler> around;

  TaskSubmissions(DurableStore store, TaskRegister register, Duration retryWindow,
      UnaryOperator<BrokerMessageHandler> around) {
    this.store = store;
    this.register = register;
    this.retryWindow = retryWindow;
    this.around = around;
  }

  /**
   * Submits a task, unless one with the id was submitted before.
   *
   * @throws UnreadableEntryException if the entry with the id is none
   */
  TaskStatus submit(NewTask wanted, String id, Deadline deadline) {
    BrokerMessage job = job(wanted, id);
    TaskRecord task = TaskRecord.queued(wanted.worker(), wanted.client(),
        TaskRegister.hash(wanted.worker(), wanted.payload()), Instant.now());
    Submission submission = Retry.within(retryWindow, elapsed -> {
      store.requireAppendable(job, id); // before the entry is written, so that it rarely has to be deleted
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

  private static BrokerMessage job(NewTask task, String id) {
    BrokerMessage job = new BrokerMessage(Jobs.SUBJECT_PREFIX + task.worker(), task.payload())
        .withHeader(Jobs.TASK_ID_HEADER, id);
    return task.client() == null ? job : job.withHeader(Jobs.TASK_CLIENT_HEADER, task.client());
  }

  /**
   * What a submission has found or made.
   *
   * @param isRepeat whether another submission made the entry, which this one must not delete then
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
   * Returns the entry that another submission has made, or {@code null} if the entry is gone. The other submission deletes the
   * entry, by its revision, if its job is refused: then the job of this submission would have none. So the entry gets another
   * revision here.
   */
  private @Nullable TaskStatus repeat(String id, TaskRecord task, Deadline deadline) {
    TaskStatus found = register.findLatest(id, deadline.remaining());
    if (found == null) {
      return null;
    }
    if (!found.task().hash().equals(task.hash()) || !Objects.equals(found.client(), task.client())) {
      throw new IdempotencyKeyReusedException("the idempotency key belongs to a task with another worker or payload");
    }
    try {
      return found.task().isNew() ? register.replace(found, found.task(), deadline.remaining()) : found;
    } catch (StaleRevisionException e) {
      TaskStatus latest = register.findLatest(id, deadline.remaining());
      return latest != null && latest.task().equals(found.task()) ? latest : null; // another repeat has given it a new revision
    }
  }

  private void publish(BrokerMessage job, String id, Deadline deadline) {
    try {
      Objects.requireNonNull(around.apply(traced -> Retry.within(retryWindow, elapsed -> {
        append(traced, id, deadline);
        return traced;
      })).handle(job));
    } catch (RuntimeException e) {
      throw e instanceof BrokerException refusal && refusal.reason() == Reason.NO_RESPONDERS
          ? new BrokerException(Reason.NO_RESPONDERS, "no durable worker takes " + job.subject(), e) : e;
    } catch (Exception e) {
      throw new IllegalStateException("a submission throws no checked exception", e);
    }
  }

  /**
   * Appends a job. The broker keeps one job under an id. That job is gone if its queue was emptied, if a worker has ended it, or
   * if a client has cancelled the task. An emptied queue needs a second job: without one the task would never run. In the other
   * cases a second job does no harm: the entry is finished or names another job, so workers end the second one without a run.
   * The id of a second job names the job that is gone, so that several repeats append one.
   */
  void append(BrokerMessage job, String id, Deadline deadline) {
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

  // If this fails, a repeat finds the entry, or the entry expires unseen
  private void forget(TaskStatus refused, Deadline deadline) {
    try {
      store.delete(refused.id(), refused.revision(), deadline.remaining());
    } catch (BrokerException | StaleRevisionException e) {
      return;
    }
  }
}
