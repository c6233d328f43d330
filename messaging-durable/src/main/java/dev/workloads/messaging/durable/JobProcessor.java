package dev.workloads.messaging.durable;

import static java.util.Objects.requireNonNull;

import dev.workloads.messaging.BrokerException;
import dev.workloads.messaging.BrokerException.Reason;
import dev.workloads.messaging.BrokerMessage;
import dev.workloads.messaging.BrokerMessageHandler;
import dev.workloads.messaging.ErrorReply;
import dev.workloads.messaging.durable.JobMetrics.Outcome;
import dev.workloads.messaging.listener.FailureLog;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.event.Level;

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
  private static final Duration PAUSE_WITHOUT_HANDLER = Duration.ofSeconds(30);
  private static final int MAX_RELEASES_AT_ONCE = 16;

  private final DurableStore store;
  private final TaskRegister register;
  private final DeadLetters deadLetters;
  private final StoreRetries retries;
  private final JobSettings settings;
  private final Map<String, BrokerMessageHandler> handlers;
  private final ScheduledExecutorService timer;
  private final ThreadFactory threads;
  private final JobMetrics metrics;
  private final FailureLog failures;
  private final Map<String, JobRun> runs = new ConcurrentHashMap<>(); // by their runners, until their ends are recorded
  private volatile boolean releasing;

  /**
   * Creates a processor.
   *
   * @param handlers the handler of each subject; they log what they throw
   * @param timer renews leases and notices handlers that take too long; nothing on it blocks
   */
  JobProcessor(DurableStore store, JobSettings settings, Map<String, BrokerMessageHandler> handlers,
      ScheduledExecutorService timer, ThreadFactory threads, JobMetrics metrics, FailureLog failures) {
    this.store = store;
    this.register = new TaskRegister(store);
    this.deadLetters = new DeadLetters(store, settings, failures);
    this.retries = new StoreRetries(failures);
    this.settings = settings;
    this.handlers = handlers;
    this.timer = timer;
    this.threads = threads;
    this.metrics = metrics;
    this.failures = failures;
  }

  /** Returns whether something cannot be recorded now, so that no more should be begun. */
  boolean isStalled() {
    return retries.problem() != null;
  }

  /** Returns what cannot be recorded now, or {@code null} if all can. */
  @Nullable String problem() {
    String problem = retries.problem();
    return problem == null ? deadLetters.problem() : problem;
  }

  /** Does what is to be done with a job; blocks for its handler. */
  void process(Job job) {
    Future<?> leaseRenewal = renewLease(job);
    String runner = UUID.randomUUID().toString();
    Deadline deadline = Deadline.after(settings.maxRuntime());
    AtomicBoolean repeated = new AtomicBoolean();
    try {
      Optional<TaskEntry> running = retries.untilTaken(job, name(job), deadline,
          () -> Optional.ofNullable(start(job, runner, repeated.getAndSet(true))));
      if (running == null) {
        job.giveBack(PAUSE);
      } else if (running.isPresent()) {
        JobRun run = new JobRun(job, running.get(), leaseRenewal, deadline);
        runs.put(runner, run);
        run(run);
      }
    } catch (RuntimeException | Error e) { // it must not end the thread; the job comes again when its lease is over
      failures.failed(job.message(), e);
    } finally {
      runs.remove(runner);
      leaseRenewal.cancel(false);
    }
  }

  private Future<?> renewLease(Job job) {
    long pause = settings.renewal().toNanos();
    return timer.scheduleAtFixedRate(() -> {
      try {
        job.renew();
      } catch (RuntimeException | Error e) { // it must not end the renewals to come
        log.error("A lease could not be renewed, trying on {}", name(job), e);
      }
    }, pause, pause, TimeUnit.NANOSECONDS);
  }

  /**
   * Records the start of an attempt; returns {@code null} if there is nothing to run. May be repeated.
   *
   * @param latest whether the last entry is needed: that of a first attempt may be an older one, since then the start is refused
   */
  private @Nullable TaskEntry start(Job job, String runner, boolean latest) {
    TaskEntry entry;
    try {
      entry = find(job, latest);
    } catch (UnreadableEntryException e) {
      bury(job, Claim.UNREADABLE);
      return null;
    }
    Claim claim = Claim.of(job, entry, runner, runs.keySet(), handlers.containsKey(job.message().subject()),
        settings.maxAttempts());
    switch (claim.action()) {
      case BEGIN -> {
        return begin(job, requireNonNull(entry), requireNonNull(claim.next()), runner);
      }
      case GO_ON -> {
        return entry;
      }
      case ACKNOWLEDGE -> job.acknowledge();
      case IGNORE -> { }
      case GIVE_BACK -> {
        failures.log(Level.WARN, job.message(), "No handler takes a job, it is given back for a worker that has one: the "
            + "queue has a subject that messaging.durable.subscriptions lacks here");
        job.giveBack(PAUSE_WITHOUT_HANDLER);
      }
      case BURY -> bury(job, claim.reason());
      case FAIL -> fail(job, requireNonNull(entry), requireNonNull(claim.next()));
    }
    return null;
  }

  private @Nullable TaskEntry find(Job job, boolean latest) {
    String id = Claim.taskId(job.message());
    if (id == null) {
      return null;
    }
    TaskEntry entry = latest ? null : register.find(id, STEP_TIMEOUT);
    return entry != null && entry.task().isNew() ? entry : register.findLatest(id, STEP_TIMEOUT);
  }

  private @Nullable TaskEntry begin(Job job, TaskEntry entry, TaskRecord started, String runner) {
    TaskEntry last = replaceOrRead(entry, started);
    if (last == null || !last.task().equals(started) && last.task().state() != TaskState.RUNNING) {
      return start(job, runner, true); // cancelled, or submitted once more: look what is to be done now
    }
    if (!last.task().equals(started)) {
      superseded(job.message(), name(entry));
      return null;
    }
    if (started.attempts() == 1) {
      metrics.started(Duration.between(started.submitted(), requireNonNull(started.started())));
    }
    return last;
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
      failed(run, TaskError.of(error));
    }
  }

  private @Nullable BrokerMessage handle(JobRun run) throws Exception {
    BrokerMessage message = run.job().message();
    return requireNonNull(handlers.get(message.subject())).handle(
        message.withHeader(Jobs.TASK_ATTEMPT_HEADER, Integer.toString(run.entry().task().attempts())));
  }

  // On the timer's thread: only the interrupt, which ends the lease
  private void tookTooLong(JobRun run) {
    if (run.interrupt()) {
      runs.values().remove(run);
      failures.log(Level.ERROR, run.job().message(), "The handler was interrupted: it took longer than "
          + settings.maxRuntime() + " (" + name(run.entry()) + ")");
      TaskError error = new TaskError(500, "the handler took longer than " + settings.maxRuntime().toMillis() + " ms");
      threads.newThread(() -> failed(run, error)).start();
    }
  }

  private void succeed(JobRun run, TaskResult result) {
    TaskRecord end = retries.untilTaken(run.job(), name(run.entry()), run.deadline(), () -> keep(result, run));
    if (end != null && end(run, end, end.error() == null ? Outcome.SUCCEEDED : Outcome.FAILED) && end.error() == null) {
      metrics.succeeded(Duration.between(end.submitted(), requireNonNull(end.finished())));
    }
  }

  /** Stores a result, and returns how the task ends; a result that no retry could store has failed, as a reply would have. */
  private TaskRecord keep(TaskResult result, JobRun run) {
    TaskEntry entry = run.entry();
    TaskRecord task = entry.task();
    ErrorReply error;
    try {
      store.put(DurableTasks.resultKey(entry.id(), task.attempts()), result.body(), result.contentType(), STEP_TIMEOUT);
      return task.succeeded(Instant.now());
    } catch (IllegalArgumentException e) {
      failures.log(Level.ERROR, run.job().message(),
          "The Content-Type of a result cannot be stored: " + e.getMessage() + " (" + name(entry) + ")");
      error = ErrorReply.of(e);
    } catch (BrokerException e) {
      if (e.reason() != Reason.PAYLOAD_TOO_LARGE) {
        throw e;
      }
      failures.log(Level.ERROR, run.job().message(), "A result is larger than the broker takes (" + name(entry) + ")");
      error = ErrorReply.tooLarge();
    }
    return task.failed(task.failures() + 1, TaskError.of(error), Instant.now());
  }

  private void failed(JobRun run, TaskError error) {
    TaskRecord task = run.entry().task();
    int failed = task.failures() + 1;
    if (error.isRejection()) {
      end(run, task.failed(failed, error, Instant.now()), Outcome.REJECTED);
    } else if (failed >= settings.maxAttempts()) {
      TaskRecord end = task.failed(failed, error, Instant.now());
      retries.untilTaken(run.job(), name(run.entry()), run.deadline(), () -> {
        fail(run.job(), run.entry(), end);
        return end;
      });
    } else if (recorded(run, task.queuedAgain(failed, error), Outcome.RETRIED)) {
      Duration pause = settings.backoff(failed);
      failures.log(Level.WARN, run.job().message(),
          "An attempt has failed, the next one is in " + pause + " (" + name(run.entry()) + ")");
      run.job().giveBack(pause);
    }
  }

  /** Gives up a task for good: a dead letter first, then the state, and the job at last. May be repeated. */
  private void fail(Job job, TaskEntry entry, TaskRecord failed) {
    String error = requireNonNull(failed.error()).text();
    if (!deadLetters.add(job, error, entry.id(), failed.attempts(), STEP_TIMEOUT)) {
      leave(job);
    } else if (replace(job, entry, failed) != null) {
      failures.log(Level.ERROR, job.message(), "A task has failed after " + failed.attempts()
          + " attempts, and is a dead letter now: " + error + " (" + name(entry) + ")");
      metrics.ended(Outcome.FAILED);
      job.terminate();
    }
  }

  private void bury(Job job, String reason) {
    String letter = settings.group() + "." + job.sequence(); // the dead letters of all groups are in one stream
    if (deadLetters.add(job, reason, letter, 0, STEP_TIMEOUT)) {
      failures.log(Level.ERROR, job.message(),
          "A job is a dead letter without an attempt: " + reason + " (" + name(job) + ")");
      metrics.ended(Outcome.EXPIRED);
      job.terminate();
    } else {
      leave(job);
    }
  }

  // Nothing of it would be left
  private void leave(Job job) {
    failures.log(Level.ERROR, job.message(), "A job of which there can be no dead letter stays in its queue, and comes again "
        + "in " + settings.lease() + " (" + name(job) + ")");
    job.giveBack(settings.lease());
  }

  /** Interrupts the handlers that still run and gives their jobs back; blocks no longer than the timeout. */
  void release(Duration timeout) {
    releasing = true;
    retries.end();
    List<JobRun> interrupted = runs.values().stream().filter(JobRun::interrupt).toList();
    ExecutorService releases = Executors.newFixedThreadPool(MAX_RELEASES_AT_ONCE, threads);
    interrupted.forEach(run -> releases.execute(() -> recordRelease(run)));
    releases.shutdown();
    try {
      if (!releases.awaitTermination(timeout.toNanos(), TimeUnit.NANOSECONDS)) {
        log.warn("Not all of {} tasks were given back within {}: the others come again when their leases are over",
            interrupted.size(), timeout);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } finally {
      releases.shutdownNow();
    }
  }

  private void recordRelease(JobRun run) {
    TaskRecord task = run.entry().task();
    try {
      if (replace(run.job(), run.entry(), task.queuedAgain(task.failures(), task.error())) != null) {
        metrics.ended(Outcome.RELEASED);
        run.job().giveBack(Duration.ZERO);
      }
    } catch (BrokerException e) {
      failures.log(Level.WARN, run.job().message(), "A task could not be given back, and comes again when its lease is over: "
          + e.getMessage() + " (" + name(run.entry()) + ")");
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
    boolean recorded = retries.untilTaken(run.job(), name(run.entry()), run.deadline(),
        () -> replace(run.job(), run.entry(), next)) != null;
    if (recorded) {
      metrics.ended(outcome);
    }
    return recorded;
  }

  /** Replaces an entry; returns {@code null} if somebody else has. */
  private @Nullable TaskEntry replace(Job job, TaskEntry entry, TaskRecord next) {
    TaskEntry last = replaceOrRead(entry, next);
    if (last != null && last.task().equals(next)) {
      return last;
    }
    superseded(job.message(), name(entry));
    return null;
  }

  private void superseded(BrokerMessage job, String task) {
    failures.log(Level.WARN, job,
        "Somebody else has changed the task in the meantime, what this one has is dropped (" + task + ")");
    metrics.ended(Outcome.SUPERSEDED);
  }

  /**
   * Replaces an entry; returns the last one, which may be somebody else's, or {@code null} if none is there any more. An outcome
   * that is unknown is read back.
   */
  private @Nullable TaskEntry replaceOrRead(TaskEntry entry, TaskRecord next) {
    try {
      return register.replace(entry, next, STEP_TIMEOUT);
    } catch (StaleRevisionException e) {
      return readBack(entry);
    } catch (BrokerException e) {
      if (e.reason() != Reason.TIMEOUT) {
        throw e;
      }
      return readBack(entry);
    }
  }

  private @Nullable TaskEntry readBack(TaskEntry entry) {
    TaskEntry last;
    try {
      last = register.findLatest(entry.id(), STEP_TIMEOUT);
    } catch (UnreadableEntryException e) {
      return null; // somebody else's
    }
    if (last != null && last.revision() == entry.revision()) { // a cluster says so also while the write is under way
      throw new BrokerException(Reason.BROKER_UNAVAILABLE, "the entry is not written yet");
    }
    return last;
  }

  private static String name(TaskEntry entry) {
    return "task " + entry.id() + ", attempt " + entry.task().attempts();
  }

  private static String name(Job job) {
    return "task " + Claim.taskId(job.message()) + ", job " + job.sequence();
  }
}
