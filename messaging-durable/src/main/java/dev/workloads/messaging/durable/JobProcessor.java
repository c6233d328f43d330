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
import java.util.List;
import java.util.Map;
import java.util.Optional;
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

  private final DurableStore store;
  private final TaskRegister register;
  private final JobSettings settings;
  private final Map<String, BrokerMessageHandler> handlers;
  private final ScheduledExecutorService timer;
  private final ThreadFactory threads;
  private final JobMetrics metrics;
  private final Map<String, JobRun> runs = new ConcurrentHashMap<>(); // by their runners, until their ends are recorded
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
    this.handlers = handlers;
    this.timer = timer;
    this.threads = threads;
    this.metrics = metrics;
  }

  /** Returns whether something cannot be recorded now, so that no more should be begun. */
  boolean isStalled() {
    return stalled.get() > 0;
  }

  /** Does what is to be done with a job; blocks for its handler. */
  void process(Job job) {
    Future<?> leaseRenewal = renewLease(job);
    String runner = UUID.randomUUID().toString();
    Deadline deadline = Deadline.after(settings.maxRuntime());
    try {
      Optional<TaskEntry> running =
          untilRecorded(deadline, name(job), () -> Optional.ofNullable(start(job, runner)));
      if (running == null) {
        job.giveBack(PAUSE);
      } else if (running.isPresent()) {
        JobRun run = new JobRun(job, running.get(), leaseRenewal, deadline);
        runs.put(runner, run);
        run(run);
      }
    } catch (RuntimeException e) { // such as an entry that somebody else wrote and that cannot be read
      log.error("A job could not be handled, it comes again in {} {}", settings.lease(), job.message(), e);
    } finally {
      runs.remove(runner);
      leaseRenewal.cancel(false);
    }
  }

  private Future<?> renewLease(Job job) {
    long third = settings.lease().toNanos() / 3;
    return timer.scheduleAtFixedRate(() -> {
      try {
        job.renew();
      } catch (RuntimeException | Error e) { // it must not end the renewals to come
        log.error("A lease could not be renewed, trying on {}", name(job), e);
      }
    }, third, third, TimeUnit.NANOSECONDS);
  }

  /** Records the start of an attempt; returns {@code null} if there is nothing to run. May be repeated. */
  private @Nullable TaskEntry start(Job job, String runner) {
    String id = taskId(job.message());
    // That of a first attempt may be an older one: then the start fails, and the job comes again when its lease is over
    TaskEntry entry = id == null ? null : register.find(id, STEP_TIMEOUT);
    if (id != null && entry != null && !entry.task().isNew()) {
      entry = register.findLatest(id, STEP_TIMEOUT);
    }
    if (id == null || entry == null || isOfAnotherTask(job, entry.task())) {
      String reason = id == null ? "no " + Jobs.TASK_ID_HEADER : "expired";
      String letter = settings.group() + "." + job.sequence(); // the dead letters of all groups are in one stream
      bury(job, reason, letter, 0);
      log.error("A job is a dead letter without an attempt: {} ({})", reason, letter);
      metrics.ended(Outcome.EXPIRED);
      job.terminate();
      return null;
    }
    TaskRecord task = entry.task();
    if (task.state() == TaskState.RUNNING && task.runner() != null) {
      if (task.runner().equals(runner)) {
        return entry; // it was recorded, and the answer was lost
      }
      if (runs.containsKey(task.runner())) {
        return null; // this process is at it: while it had no connection, the lease ran out
      }
    }
    boolean isPutBack = isPutBack(job, task);
    boolean isSecondJob = task.job() != 0 && task.job() != job.sequence();
    if (!isPutBack && (isSecondJob || task.state().isFinished())) {
      job.acknowledge();
      return null;
    }
    // Found running, the attempt before ended without a word: its worker has died, or was cut off
    int failures = isPutBack ? 0 : task.failures() + (task.state() == TaskState.RUNNING ? 1 : 0);
    if (failures >= settings.maxAttempts()) {
      fail(job, entry, task.failed(failures, new TaskError(500, "the worker ended during the attempt"), Instant.now()));
      return null;
    }
    TaskRecord started = task.started(job.sequence(), runner, failures, Instant.now());
    TaskEntry running = replace(entry, started);
    if (running != null && started.attempts() == 1) {
      metrics.started(Duration.between(started.submitted(), requireNonNull(started.started())));
    }
    return running;
  }

  // Once the entry of a job has expired, its key may be that of another task; who puts a job back may change its payload
  private static boolean isOfAnotherTask(Job job, TaskRecord task) {
    String worker = job.message().subject().substring(Jobs.SUBJECT_PREFIX.length());
    return task.job() != job.sequence() && !isPutBack(job, task)
        && !task.hash().equals(DurableTasks.hash(worker, job.message().body()));
  }

  private static boolean isPutBack(Job job, TaskRecord task) {
    return task.state() == TaskState.FAILED
        && Integer.toString(task.attempts()).equals(job.message().header(Jobs.TASK_ATTEMPTS_HEADER));
  }

  private static @Nullable String taskId(BrokerMessage job) {
    String id = job.header(Jobs.TASK_ID_HEADER);
    return id != null && Jobs.isTaskId(id) ? id : null;
  }

  private void run(JobRun run) {
    if (releasing) { // perhaps too late for this run to be seen
      if (run.end()) {
        recordRelease(run);
      }
      return;
    }
    Future<?> overrun =
        timer.schedule(() -> tookTooLong(run), settings.maxRuntime().toNanos(), TimeUnit.NANOSECONDS);
    BrokerMessage reply = null;
    Throwable thrown = null;
    try {
      reply = handle(run);
    } catch (Throwable e) { // whatever it is, the attempt has failed
      thrown = e;
    } finally {
      overrun.cancel(false);
    }
    if (!run.end()) {
      return;
    }
    ErrorReply error = thrown != null ? ErrorReply.of(thrown) : reply == null ? null : ErrorReply.from(reply);
    if (error == null) {
      succeed(run, reply == null ? new TaskResult(new byte[0], null)
          : new TaskResult(reply.body(), reply.header("Content-Type")));
    } else {
      if (thrown != null && !TaskError.of(error).isRejection()) {
        log.error("The handler of {} failed {}", run.job().message().subject(), name(run.entry()), thrown);
      }
      failed(run, TaskError.of(error));
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
        message.withHeader(Jobs.TASK_ATTEMPT_HEADER, Integer.toString(run.entry().task().attempts())));
  }

  // On the timer's thread: only the interrupt, which ends the lease
  private void tookTooLong(JobRun run) {
    if (run.interrupt()) {
      runs.values().remove(run);
      log.error("The handler of {} was interrupted: it took longer than {} {}", run.job().message().subject(),
          settings.maxRuntime(), name(run.entry()));
      TaskError error = new TaskError(500, "the handler took longer than " + settings.maxRuntime().toMillis() + " ms");
      threads.newThread(() -> failed(run, error)).start();
    }
  }

  private void succeed(JobRun run, TaskResult result) {
    TaskRecord end = untilRecorded(run, () -> keep(result, run.entry()));
    if (end != null && end(run, end, end.error() == null ? Outcome.SUCCEEDED : Outcome.FAILED) && end.error() == null) {
      metrics.succeeded(Duration.between(end.submitted(), requireNonNull(end.finished())));
    }
  }

  /** Stores a result, and returns how the task ends; a result that no retry could store has failed, as a reply would have. */
  private TaskRecord keep(TaskResult result, TaskEntry entry) {
    TaskRecord task = entry.task();
    ErrorReply error;
    try {
      store.put(DurableTasks.resultKey(entry.id(), task.attempts()), result.body(), result.contentType(), STEP_TIMEOUT);
      return task.succeeded(Instant.now());
    } catch (IllegalArgumentException e) {
      log.error("The Content-Type of a result cannot be stored: {} {}", e.getMessage(), name(entry));
      error = ErrorReply.of(e);
    } catch (BrokerException e) {
      if (e.reason() != Reason.PAYLOAD_TOO_LARGE) {
        throw e;
      }
      log.error("A result is larger than the broker takes {}", name(entry));
      error = ErrorReply.tooLarge();
    }
    return task.failed(task.failures() + 1, TaskError.of(error), Instant.now());
  }

  private void failed(JobRun run, TaskError error) {
    TaskRecord task = run.entry().task();
    int failures = task.failures() + 1;
    if (error.isRejection()) {
      end(run, task.failed(failures, error, Instant.now()), Outcome.REJECTED);
    } else if (failures >= settings.maxAttempts()) {
      TaskRecord failed = task.failed(failures, error, Instant.now());
      untilRecorded(run, () -> {
        fail(run.job(), run.entry(), failed);
        return failed;
      });
    } else if (recorded(run, task.queuedAgain(failures, error), Outcome.RETRIED)) {
      Duration pause = settings.backoff(failures);
      log.warn("Attempt {} failed, the next one is in {} {}", task.attempts(), pause, name(run.entry()));
      run.job().giveBack(pause);
    }
  }

  /** Gives up a task for good: a dead letter first, then the state, and the job at last. May be repeated. */
  private void fail(Job job, TaskEntry entry, TaskRecord failed) {
    String error = requireNonNull(failed.error()).text();
    bury(job, error, entry.id(), failed.attempts());
    if (replace(entry, failed) != null) {
      log.error("A task has failed after {} attempts, and is a dead letter now: {} {}", failed.attempts(), error,
          name(entry));
      metrics.ended(Outcome.FAILED);
      job.terminate();
    }
  }

  private void bury(Job job, String reason, String letter, int attempts) {
    BrokerMessage message = job.message();
    String subject = Jobs.DEAD_LETTER_PREFIX + settings.group();
    String id = taskId(message);
    Map<String, List<String>> named = id == null ? Map.of() : Map.of(Jobs.TASK_ID_HEADER, List.of(id));
    // What the broker never takes is left out: headers that only others can send, then a payload that leaves them no room
    BrokerMessage bare = new BrokerMessage(subject, new byte[0], null, named);
    for (BrokerMessage copy : List.of(new BrokerMessage(subject, message.body(), null, message.headers()),
        new BrokerMessage(subject, message.body(), null, named), bare)) {
      try {
        store.append(copy.withHeader(Jobs.JOB_SUBJECT_HEADER, message.subject())
            .withHeader(Jobs.TASK_ATTEMPTS_HEADER, Integer.toString(attempts))
            .withHeader(Jobs.REASON_HEADER, reason.replaceAll("[^ -~]", "?")), letter + "-" + attempts, STEP_TIMEOUT);
        return;
      } catch (IllegalArgumentException | BrokerException e) {
        if (copy == bare || e instanceof BrokerException refused && refused.reason() != Reason.PAYLOAD_TOO_LARGE) {
          throw e;
        }
        log.error("A dead letter cannot have all that its job has: {} {}", e.getMessage(), name(job));
      }
    }
  }

  /** Interrupts the handlers that still run and gives their jobs back; blocks little longer than the timeout. */
  void release(Duration timeout) {
    releasing = true;
    Deadline deadline = Deadline.after(timeout);
    for (JobRun run : runs.values()) {
      if (!deadline.isOver() && run.interrupt()) {
        recordRelease(run);
      }
    }
  }

  private void recordRelease(JobRun run) {
    TaskRecord task = run.entry().task();
    try {
      if (replace(run.entry(), task.queuedAgain(task.failures(), task.error())) != null) {
        metrics.ended(Outcome.RELEASED);
        run.job().giveBack(Duration.ZERO);
      }
    } catch (BrokerException e) {
      log.warn("A task could not be given back, and will be found later: {} {}", e.getMessage(), name(run.entry()));
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
    boolean recorded = untilRecorded(run, () -> replace(run.entry(), next)) != null;
    if (recorded) {
      metrics.ended(outcome);
    }
    return recorded;
  }

  /** Replaces an entry; returns {@code null} if somebody else has. An outcome that is unknown is read back. */
  private @Nullable TaskEntry replace(TaskEntry entry, TaskRecord next) {
    try {
      return register.replace(entry, next, STEP_TIMEOUT);
    } catch (StaleRevisionException e) {
      return readBack(entry, next);
    } catch (BrokerException e) {
      if (e.reason() != Reason.TIMEOUT) {
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
    if (latest != null && latest.revision() == entry.revision()) { // a cluster says so also while the write is under way
      throw new BrokerException(Reason.BROKER_UNAVAILABLE, "the entry is not written yet");
    }
    log.warn("Somebody else has changed the task in the meantime, what this one has is dropped {}", name(entry));
    metrics.ended(Outcome.SUPERSEDED);
    return null;
  }

  private <T> @Nullable T untilRecorded(JobRun run, Supplier<T> step) {
    return untilRecorded(run.deadline(), name(run.entry()), step);
  }

  /**
   * Repeats a step until the store takes it; returns {@code null} if it does not until the attempt has taken too long or
   * the container has stopped. Meanwhile no more jobs are pulled.
   */
  private <T> @Nullable T untilRecorded(Deadline deadline, String name, Supplier<T> step) {
    boolean counted = false;
    try {
      while (true) {
        try {
          return step.get();
        } catch (BrokerException e) {
          if (deadline.isOver() || releasing) {
            log.error("An attempt could not be recorded, the task will be tried again: {} {}", e.getMessage(), name);
            return null;
          }
          if (!counted) {
            stalled.incrementAndGet();
            counted = true;
            log.warn("An attempt cannot be recorded now, trying on: {} {}", e.getMessage(), name);
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

  private static String name(TaskEntry entry) {
    return "(task " + entry.id() + ", attempt " + entry.task().attempts() + ")";
  }

  private static String name(Job job) {
    return "(task " + taskId(job.message()) + ", job " + job.sequence() + ")";
  }
}
