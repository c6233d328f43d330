package dev.workloads.messaging.durable;

import static dev.workloads.messaging.durable.SettlementWriter.STEP_TIMEOUT;
import static java.util.Objects.requireNonNull;

import dev.workloads.messaging.BrokerException;
import dev.workloads.messaging.listener.FailureLog;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;
import org.slf4j.event.Level;

/**
 * Takes a job through its attempt: claims the job, which records the start, calls the handler, and settles the job.
 *
 * <p>An entry is replaced only if it has not been replaced in the meantime. An attempt that comes too late drops its outcome,
 * and leaves the job alone. Called by many threads at once, each with a job of its own. A handler that takes too long keeps its
 * thread, so another thread settles the job.
 */
final class JobProcessor {

  private static final Duration PAUSE = Duration.ofSeconds(1);
  private static final Duration PAUSE_WITHOUT_HANDLER = Duration.ofSeconds(30);

  private final TaskRegister register;
  private final DeadLetters deadLetters;
  private final SettlementWriter settlements;
  private final StoreRetries retries;
  private final JobSettings settings;
  private final Map<String, JobHandler> handlers;
  private final ThreadFactory threads;
  private final JobMetrics metrics;
  private final FailureLog failures;
  private final RunningAttempts attempts;

  /**
   * Creates a processor.
   *
   * @param handlers the handler of each subject; they log what they throw
   * @param timer renews leases and notices handlers that take too long; nothing on it blocks
   */
  JobProcessor(DurableStore store, JobSettings settings, Map<String, JobHandler> handlers,
      ScheduledExecutorService timer, ThreadFactory threads, JobMetrics metrics, FailureLog failures) {
    this.register = new TaskRegister(store);
    this.deadLetters = new DeadLetters(store, settings, failures);
    this.settlements = new SettlementWriter(register, deadLetters, metrics, failures);
    this.retries = new StoreRetries(failures);
    this.settings = settings;
    this.handlers = handlers;
    this.threads = threads;
    this.metrics = metrics;
    this.failures = failures;
    this.attempts = new RunningAttempts(settings, timer, threads);
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
    AtomicBoolean repeated = new AtomicBoolean();
    try (Attempt attempt = attempts.open(job)) {
      if (!retries.untilTaken(attempt, () -> claim(attempt, repeated.getAndSet(true)))) {
        job.giveBack(PAUSE);
      } else if (attempt.progress() != null) {
        run(attempt, attempt.progress());
      }
    } catch (RuntimeException | Error e) { // it must not end the thread; the job comes again when its lease is over
      failures.failed(job.message(), e);
    }
  }

  /**
   * Has the attempt begin, or does what else is to be done with its job. May be repeated.
   *
   * @param latest whether the last entry is needed; for a first look an older one does, since its replacement is refused
   */
  private void claim(Attempt attempt, boolean latest) {
    Job job = attempt.job();
    Claim claim = look(attempt, latest);
    switch (claim.action()) {
      case BEGIN -> begin(attempt, requireNonNull(claim.entry()), requireNonNull(claim.started()));
      case GO_ON -> attempt.begin(new AttemptProgress(register, requireNonNull(claim.entry())));
      case ACKNOWLEDGE -> job.acknowledge();
      case IGNORE -> { }
      case GIVE_BACK -> {
        failures.log(Level.WARN, job.message(), "No handler takes a job, so the job is given back for a worker that has one: "
            + "add its subject to messaging.durable.subscriptions, or update this worker (" + attempt.name() + ")");
        job.giveBack(PAUSE_WITHOUT_HANDLER);
      }
      case SETTLE -> settlements.write(attempt, claim.entry(), requireNonNull(claim.settlement()));
    }
  }

  private Claim look(Attempt attempt, boolean latest) {
    Job job = attempt.job();
    String id = Claim.taskId(job.message());
    try {
      TaskStatus entry = id == null ? null
          : latest ? register.findLatest(id, STEP_TIMEOUT) : register.findNewOrLatest(id, STEP_TIMEOUT);
      return Claim.of(job, entry, attempt.runner(), attempts.runners(), handlers.containsKey(job.message().subject()),
          settings.maxAttempts());
    } catch (UnreadableEntryException e) {
      return Claim.bury("entry unreadable");
    }
  }

  private void begin(Attempt attempt, TaskStatus entry, TaskRecord started) {
    TaskStatus last = register.replaceOrFind(entry, started, STEP_TIMEOUT);
    if (last != null && last.task().equals(started)) {
      attempt.begin(new AttemptProgress(register, last));
      if (started.attempts() == 1) {
        metrics.started(Duration.between(started.submitted(), requireNonNull(started.started())));
      }
    } else if (last != null && last.state() == TaskState.RUNNING) {
      settlements.superseded(attempt.job(), entry);
    } else { // cancelled, or submitted once more
      claim(attempt, true);
    }
  }

  private void run(Attempt attempt, AttemptProgress started) {
    if (attempts.areInterrupted()) {
      if (attempt.end()) {
        release(attempt);
      }
      return;
    }
    JobHandler handler = requireNonNull(handlers.get(attempt.job().message().subject()));
    Settlement settlement = attempt.run(started, handler, () -> tookTooLong(attempt, started));
    if (settlement != null) {
      settle(attempt, started, settlement);
    }
  }

  private void settle(Attempt attempt, AttemptProgress started, Settlement settlement) {
    retries.untilTaken(attempt, () -> settlements.write(attempt, started.entry(), settlement));
  }

  // On the timer's thread: only the interrupt, which ends the lease
  private void tookTooLong(Attempt attempt, AttemptProgress started) {
    if (attempt.interrupt()) {
      failures.log(Level.ERROR, attempt.job().message(), "The handler was interrupted: it took longer than "
          + settings.maxRuntime() + " (" + attempt.name() + ")");
      Settlement settlement = Settlement.tookTooLong(started.entry().task(), settings);
      threads.newThread(() -> settle(attempt, started, settlement)).start();
    }
  }

  /** Has what handlers have reported be written; called by the timer's thread, once a second. */
  void writeProgress() {
    attempts.writeProgress();
  }

  /** Interrupts the handlers that still run and gives their jobs back; blocks no longer than the timeout. */
  void release(Duration timeout) {
    retries.end();
    attempts.interrupt(this::release, timeout);
  }

  private void release(Attempt attempt) {
    TaskStatus started = requireNonNull(attempt.entry());
    try {
      settlements.write(attempt, started, Settlement.released(started.task()));
    } catch (BrokerException e) {
      failures.log(Level.WARN, attempt.job().message(), "A task could not be given back. Its job is handed out again when the "
          + "lease ends: " + e.getMessage() + " (" + attempt.name() + ")");
    }
  }
}
