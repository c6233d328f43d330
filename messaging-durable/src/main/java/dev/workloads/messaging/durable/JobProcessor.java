package dev.workloads.messaging.durable;

import static java.util.Objects.requireNonNull;

import dev.workloads.messaging.BrokerException;
import dev.workloads.messaging.BrokerException.Reason;
import dev.workloads.messaging.BrokerMessage;
import dev.workloads.messaging.BrokerMessageHandler;
import dev.workloads.messaging.ErrorReply;
import dev.workloads.messaging.durable.JobMetrics.Outcome;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Takes one job through its attempt: records the start, calls the handler, records the end, and then ends the job.
 *
 * <p>Every record is written only if nobody else has written the task's entry in the meantime. Who comes too late drops what
 * it has and touches the job no more. Called by many threads at once, each with a job of its own; handlers that take too
 * long are recorded on another thread, since theirs is not free.
 */
final class JobProcessor {

  private static final Logger log = LoggerFactory.getLogger(JobListenerContainer.class);
  private static final Duration STEP_TIMEOUT = Duration.ofSeconds(2);
  private static final Duration PAUSE = Duration.ofSeconds(1);
  private static final TaskError TOO_LARGE = new TaskError(500, ErrorReply.tooLarge().text());

  private final DurableStore store;
  private final TaskRegister register;
  private final JobSettings settings;
  private final Map<String, BrokerMessageHandler> handlers;
  private final ScheduledExecutorService timer;
  private final ThreadFactory threads;
  private final JobMetrics metrics;
  private final Set<JobRun> runs = ConcurrentHashMap.newKeySet();
  private final AtomicInteger stalled = new AtomicInteger();
  private volatile boolean releasing;

  /**
   * Creates a processor.
   *
   * @param handlers the handler of each subject
   * @param timer renews leases and notices handlers that take too long; nothing on it blocks
   */
  JobProcessor(DurableStore store, JobSettings settings, Map<String, BrokerMessageHandler> handlers,
      ScheduledExecutorService timer, ThreadFactory threads, JobMetrics metrics) {
    this.store = store;
    this.register = new TaskRegister(store);
    this.settings = settings;
    this.handlers = Map.copyOf(handlers);
    this.timer = timer;
    this.threads = threads;
    this.metrics = metrics;
  }

  /** Returns whether some end cannot be recorded now, so that no more should be begun. */
  boolean isStalled() {
    return stalled.get() > 0;
  }

  /** Does what is to be done with a job; blocks for its handler. */
  void process(Job job) {
    long third = settings.lease().toNanos() / 3;
    Future<?> leaseRenewal = timer.scheduleAtFixedRate(job::renew, third, third, TimeUnit.NANOSECONDS);
    try {
      Deadline deadline = Deadline.after(settings.maxRuntime());
      TaskEntry running = start(job);
      if (running != null) {
        run(new JobRun(job, running, leaseRenewal, deadline));
      }
    } catch (BrokerException e) {
      log.warn("A job is given back, since its task cannot be looked up: {}", e.getMessage());
      job.giveBack(PAUSE);
    } catch (RuntimeException e) { // such as an entry that somebody else wrote and that cannot be read
      log.error("A job could not be handled, it comes again in {} {}", settings.lease(), job.message(), e);
    } finally {
      leaseRenewal.cancel(false);
    }
  }

  /** Records the start of an attempt; returns {@code null} if there is nothing to run. */
  private @Nullable TaskEntry start(Job job) {
    String id = job.message().header(Jobs.TASK_ID_HEADER);
    // That of a first attempt may be an older one: then the start fails, and the job comes again when its lease is over
    TaskEntry entry = id == null ? null : register.find(id, STEP_TIMEOUT);
    if (id != null && entry != null && entry.task().attempts() > 0) {
      entry = register.findLatest(id, STEP_TIMEOUT);
    }
    if (id == null || entry == null) {
      String told = settings.group() + "." + job.sequence(); // the dead letters of all groups are in one stream
      bury(job, id == null ? "no " + Jobs.TASK_ID_HEADER : "expired", told, 0);
      job.terminate();
      return null;
    }
    TaskRecord task = entry.task();
    boolean anew = task.state() == TaskState.FAILED
        && Integer.toString(task.attempts()).equals(job.message().header(Jobs.TASK_ATTEMPTS_HEADER));
    boolean another = task.job() != 0 && task.job() != job.sequence(); // a second job of one submission
    if (!anew && (another || task.state().isFinished())) {
      job.acknowledge();
      return null;
    }
    // Found running, the attempt before ended without a word: its worker has died, or was cut off
    int failures = anew ? 0 : task.failures() + (task.state() == TaskState.RUNNING ? 1 : 0);
    if (failures >= settings.maxAttempts()) {
      fail(job, entry, failures, new TaskError(500, "the worker ended during the attempt"));
      return null;
    }
    return start(job, entry, failures);
  }

  private @Nullable TaskEntry start(Job job, TaskEntry entry, int failures) {
    String runner = UUID.randomUUID().toString();
    TaskRecord started = entry.task().started(job.sequence(), runner, failures, Instant.now());
    TaskEntry running = replace(entry, started);
    if (running != null && running.task().attempts() == 1) {
      metrics.started(Duration.between(started.submitted(), requireNonNull(started.started())));
    }
    return running;
  }

  private void run(JobRun run) {
    runs.add(run);
    if (releasing) { // perhaps too late for this run to be seen
      runs.remove(run);
      if (run.end()) {
        recordRelease(run);
      }
      return;
    }
    Future<?> overrun = timer.schedule(() -> threads.newThread(() -> tookTooLong(run)).start(),
        settings.maxRuntime().toNanos(), TimeUnit.NANOSECONDS);
    TaskResult result = null;
    TaskError error = null;
    try {
      BrokerMessage reply = handle(run);
      ErrorReply failure = reply == null ? null : ErrorReply.from(reply);
      error = failure == null ? null : new TaskError(failure.code(), failure.text());
      result = reply == null ? new TaskResult(new byte[0], null)
          : new TaskResult(reply.body(), reply.header("Content-Type"));
    } catch (Throwable e) { // whatever it is, the attempt has failed
      ErrorReply failure = ErrorReply.of(e);
      error = new TaskError(failure.code(), failure.text());
      if (!error.isRejection()) {
        log.error("The handler of {} failed {}", run.job().message().subject(), origin(run.running()), e);
      }
    } finally {
      overrun.cancel(false);
      runs.remove(run);
    }
    if (run.end()) {
      if (error == null && result != null) {
        succeed(run, result);
      } else {
        failed(run, requireNonNull(error));
      }
    }
  }

  private @Nullable BrokerMessage handle(JobRun run) throws Exception {
    BrokerMessage message = run.job().message();
    BrokerMessageHandler handler = handlers.get(message.subject());
    if (handler == null) {
      throw new IllegalStateException("no handler takes " + message.subject()
          + ": the queue has a subject that messaging.durable.subscriptions lacks");
    }
    return handler.handle(
        message.withHeader(Jobs.TASK_ATTEMPT_HEADER, Integer.toString(run.running().task().attempts())));
  }

  private void tookTooLong(JobRun run) {
    if (run.interrupt()) {
      log.error("The handler of {} was interrupted: it took longer than {} {}", run.job().message().subject(),
          settings.maxRuntime(), origin(run.running()));
      failed(run, new TaskError(500, "the handler took longer than " + settings.maxRuntime().toMillis() + " ms"));
    }
  }

  private void succeed(JobRun run, TaskResult result) {
    TaskEntry running = run.running();
    TaskRecord succeeded = running.task().succeeded(Instant.now());
    Boolean stored = untilRecorded(run, () -> {
      try {
        store.put(DurableTasks.resultKey(running.id(), succeeded.attempts()), result.body(), result.contentType(),
            STEP_TIMEOUT);
        return true;
      } catch (BrokerException e) {
        if (e.reason() == Reason.PAYLOAD_TOO_LARGE) {
          return false;
        }
        throw e;
      }
    });
    if (Boolean.FALSE.equals(stored)) {
      log.error("A result is larger than the broker takes {}", origin(running));
      end(run, running.task().failed(running.task().failures() + 1, TOO_LARGE, Instant.now()), Outcome.FAILED);
    } else if (stored != null && end(run, succeeded, Outcome.SUCCEEDED)) {
      metrics.succeeded(Duration.between(succeeded.submitted(), requireNonNull(succeeded.finished())));
    }
  }

  private void failed(JobRun run, TaskError error) {
    TaskEntry running = run.running();
    int failures = running.task().failures() + 1;
    if (error.isRejection()) {
      end(run, running.task().failed(failures, error, Instant.now()), Outcome.REJECTED);
    } else if (failures >= settings.maxAttempts()) {
      untilRecorded(run, () -> {
        fail(run.job(), running, failures, error);
        return true;
      });
    } else if (recorded(run, running.task().queuedAgain(failures, error), Outcome.RETRIED)) {
      Duration pause = settings.backoff(failures);
      log.warn("Attempt {} failed, the next one is in {} {}", running.task().attempts(), pause, origin(running));
      run.job().giveBack(pause);
    }
  }

  /** Gives up a task for good: a dead letter first, then the state, and the job at last. */
  private void fail(Job job, TaskEntry entry, int failures, TaskError error) {
    bury(job, error.text(), entry.id(), entry.task().attempts());
    if (replace(entry, entry.task().failed(failures, error, Instant.now())) != null) {
      log.error("A task has failed after {} attempts, and is a dead letter now: {} {}", entry.task().attempts(),
          error.text(), origin(entry));
      metrics.ended(Outcome.FAILED);
      job.terminate();
    }
  }

  private void bury(Job job, String reason, String id, int attempts) {
    BrokerMessage message = job.message();
    store.append(new BrokerMessage(Jobs.DEAD_LETTER_PREFIX + settings.group(), message.body(), null, message.headers())
        .withHeader(Jobs.JOB_SUBJECT_HEADER, message.subject())
        .withHeader(Jobs.TASK_ATTEMPTS_HEADER, Integer.toString(attempts))
        .withHeader(Jobs.REASON_HEADER, reason.replaceAll("[^ -~]", "?")), id + "-" + attempts, STEP_TIMEOUT);
  }

  /** Interrupts the handlers that still run and gives their jobs back; blocks little longer than the timeout. */
  void release(Duration timeout) {
    releasing = true;
    Deadline deadline = Deadline.after(timeout);
    for (JobRun run : runs) {
      if (!deadline.isOver() && run.interrupt()) {
        recordRelease(run);
      }
    }
  }

  private void recordRelease(JobRun run) {
    TaskRecord task = run.running().task();
    try {
      if (replace(run.running(), task.queuedAgain(task.failures(), task.error())) != null) {
        metrics.ended(Outcome.RELEASED);
        run.job().giveBack(Duration.ZERO);
      }
    } catch (BrokerException e) {
      log.warn("A task could not be given back, and will be found later: {} {}", e.getMessage(), origin(run.running()));
    }
  }

  private boolean end(JobRun run, TaskRecord end, Outcome outcome) {
    boolean recorded = recorded(run, end, outcome);
    if (recorded) {
      run.job().acknowledge();
    }
    return recorded;
  }

  private boolean recorded(JobRun run, TaskRecord next, Outcome outcome) {
    boolean recorded = untilRecorded(run, () -> replace(run.running(), next)) != null;
    if (recorded) {
      metrics.ended(outcome);
    }
    return recorded;
  }

  /** Replaces an entry; returns {@code null} if another worker has. An outcome that is unknown is read back. */
  private @Nullable TaskEntry replace(TaskEntry entry, TaskRecord next) {
    try {
      return register.replace(entry, next, STEP_TIMEOUT);
    } catch (StaleRevisionException e) {
      return readBack(entry, next);
    } catch (BrokerException e) {
      TaskEntry written = e.reason() == Reason.TIMEOUT ? register.findLatest(entry.id(), STEP_TIMEOUT) : null;
      if (written == null || written.revision() == entry.revision()) {
        throw e;
      }
      return readBack(entry, next);
    }
  }

  private @Nullable TaskEntry readBack(TaskEntry entry, TaskRecord next) {
    TaskEntry latest = register.findLatest(entry.id(), STEP_TIMEOUT);
    if (latest != null && latest.task().equals(next)) {
      return latest;
    }
    if (latest != null && latest.revision() == entry.revision()) { // a cluster says so of a write that is still under way
      throw new BrokerException(Reason.BROKER_UNAVAILABLE, "another write of the entry is under way");
    }
    log.warn("Another worker was given the job in the meantime, what this one has is dropped {}", origin(entry));
    metrics.ended(Outcome.SUPERSEDED);
    return null;
  }

  /** Repeats a step until the store takes it or the run has taken too long; then returns {@code null}. */
  private <T> @Nullable T untilRecorded(JobRun run, Supplier<@Nullable T> step) {
    boolean counted = false;
    try {
      while (true) {
        try {
          return step.get();
        } catch (BrokerException e) {
          if (run.deadline().isOver()) {
            log.error("The end of an attempt could not be recorded, the task will be tried again: {} {}", e.getMessage(),
                origin(run.running()));
            return null;
          }
          if (!counted) {
            stalled.incrementAndGet();
            counted = true;
            log.warn("The end of an attempt cannot be recorded now, trying on: {} {}", e.getMessage(),
                origin(run.running()));
          }
          TimeUnit.NANOSECONDS.sleep(PAUSE.toNanos());
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return null;
    } finally {
      if (counted) {
        stalled.decrementAndGet();
      }
    }
  }

  private static String origin(TaskEntry entry) {
    return "(task " + entry.id() + ", attempt " + entry.task().attempts() + ")";
  }
}
