package dev.workloads.messaging.durable;

import static java.util.Objects.requireNonNull;

import dev.workloads.messaging.BrokerMessage;
import dev.workloads.messaging.ErrorReply;
import java.util.UUID;
import java.util.concurrent.Future;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One attempt at a job: its lease, the call of its handler, and its end. The handler ends the attempt as it returns, or a thread
 * that interrupts the handler does. The first of them alone records how the attempt ends.
 *
 * <p>Made, begun, run and closed by one thread; interrupted by the timer's or by that of a stop.
 */
final class Attempt implements AutoCloseable {

  private static final Logger log = LoggerFactory.getLogger(JobListenerContainer.class);

  private final Job job;
  private final JobSettings settings;
  private final ScheduledExecutorService timer;
  private final Thread thread = Thread.currentThread();
  private final String runner = UUID.randomUUID().toString();
  private final Deadline deadline;
  private final Future<?> leaseRenewal;
  private final Consumer<Attempt> afterRenewals;
  private @Nullable AttemptProgress progress; // under this
  private boolean ended; // under this

  /** Has the timer renew the job's lease from now until the attempt is closed or interrupted, and then calls the consumer. */
  Attempt(Job job, JobSettings settings, ScheduledExecutorService timer, Consumer<Attempt> afterRenewals) {
    this.job = job;
    this.settings = settings;
    this.timer = timer;
    this.afterRenewals = afterRenewals;
    this.deadline = Deadline.after(settings.maxRuntime());
    long pause = settings.renewal().toNanos();
    this.leaseRenewal = timer.scheduleAtFixedRate(this::renewLease, pause, pause, TimeUnit.NANOSECONDS);
  }

  private void renewLease() {
    try {
      job.renew();
    } catch (RuntimeException | Error e) { // it must not end the renewals to come
      log.error("The lease of a job could not be renewed. The next renewal is in {} ({})", settings.renewal(), name(), e);
    }
  }

  Job job() {
    return job;
  }

  /** Returns what names the thread in the task's entry. */
  String runner() {
    return runner;
  }

  /** Returns the time after which nothing of the attempt is repeated. */
  Deadline deadline() {
    return deadline;
  }

  /** Returns the task's entry with the start of this attempt and its last report, or {@code null} if it has none. */
  synchronized @Nullable TaskStatus entry() {
    return progress == null ? null : progress.entry();
  }

  /** Returns what takes the reports of the handler, or {@code null} if the start is not recorded. */
  synchronized @Nullable AttemptProgress progress() {
    return progress;
  }

  /** Notes that the start is recorded: from now on the attempt can be interrupted. */
  synchronized void begin(AttemptProgress started) {
    progress = started;
  }

  /**
   * Calls the handler.
   *
   * @param tookTooLong called on the timer's thread if the handler takes longer than it may; must not block
   * @return how the job ends, or {@code null} if the handler was interrupted: the interrupting thread records the end
   */
  @Nullable Settlement run(AttemptProgress started, JobHandler handler, Runnable tookTooLong) {
    Future<?> limit = timer.schedule(tookTooLong, settings.maxRuntime().toNanos(), TimeUnit.NANOSECONDS);
    BrokerMessage reply = null;
    ErrorReply error;
    try {
      reply = handler.handle(
          job.message().withHeader(Jobs.TASK_ATTEMPT_HEADER, Integer.toString(started.entry().attempts())), started);
      error = reply == null ? null : ErrorReply.from(reply);
    } catch (Throwable e) { // whatever it is, the attempt has failed
      error = ErrorReply.of(e);
    } finally {
      limit.cancel(false);
    }
    return end() ? settlement(started.entry().task(), reply, error) : null;
  }

  private Settlement settlement(TaskRecord task, @Nullable BrokerMessage reply, @Nullable ErrorReply error) {
    return error != null ? Settlement.failed(task, TaskError.of(error), settings) : Settlement.succeeded(task, reply == null
        ? new TaskResult(new byte[0], null) : new TaskResult(reply.body(), reply.header(BrokerMessage.CONTENT_TYPE)));
  }

  /** Ends the attempt on its own thread; returns whether nobody has interrupted it before. */
  synchronized boolean end() {
    boolean first = !ended;
    ended = true;
    requireNonNull(progress).end();
    Thread.interrupted(); // it must not reach what the thread does next
    return first;
  }

  /** Ends the attempt, if it has begun, by interrupting its handler; returns whether it had not ended before. */
  synchronized boolean interrupt() {
    if (ended || progress == null) {
      return false;
    }
    ended = true;
    progress.end();
    close();
    thread.interrupt();
    return true;
  }

  /** Renews the lease no more. */
  @Override
  public void close() {
    leaseRenewal.cancel(false);
    afterRenewals.accept(this);
  }

  /** Returns what logs call it. */
  String name() {
    return name(job, entry());
  }

  static String name(Job job, @Nullable TaskStatus entry) {
    return entry == null ? "task " + Claim.taskId(job.message()) + ", job " + job.sequence()
        : "task " + entry.id() + ", attempt " + entry.attempts();
  }
}
