package dev.workloads.messaging.durable;

import dev.workloads.messaging.BrokerException;
import dev.workloads.messaging.listener.DrainingContainer;
import dev.workloads.messaging.listener.FailureLog;
import java.time.Duration;
import java.util.Map;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.Semaphore;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Pulls jobs and has them handled, no more at once than there are slots: none waits here while its lease runs.
 *
 * <p>Threads: one, {@code job-puller}, pulls into the free slots; a pool runs the handlers; one, {@code job-timer}, renews
 * leases and never blocks; a short-lived one for each attempt writes what its handler has reported. A stop pulls no more and waits for the handlers; a job that is not finished within the drain
 * timeout is interrupted and given back, which takes up to four seconds more.
 */
public final class JobListenerContainer extends DrainingContainer<JobListenerContainer.Running> {

  private static final Logger log = LoggerFactory.getLogger(JobListenerContainer.class);
  // After a pull that was lost with a connection or a server, the worker takes nothing for this time and a second more
  private static final Duration PULL_WAIT = Duration.ofSeconds(2);
  private static final Duration PAUSE = Duration.ofSeconds(1);
  private static final Duration RELEASE_TIMEOUT = Duration.ofSeconds(2);
  private static final int SECONDS_BETWEEN_COUNTS = 10;
  private static final Duration IDLE_THREADS_STAY = Duration.ofSeconds(30);

  private final DurableStore store;
  private final JobSettings settings;
  private final Map<String, JobHandler> handlers;
  private final ThreadFactory threads;
  private final JobMetrics metrics;
  private final FailureLog failures;
  private final Semaphore slots;
  private volatile @Nullable String problem;

  /**
   * Creates a container.
   *
   * @param handlers the handler of each subject of the settings; they log what they throw
   * @param threads makes the threads that run the handlers, platform or virtual ones
   */
  public JobListenerContainer(DurableStore store, JobSettings settings, Map<String, JobHandler> handlers,
      ThreadFactory threads, JobMetrics metrics) {
    super(settings.drainTimeout());
    this.store = store;
    this.settings = settings;
    this.handlers = Map.copyOf(handlers);
    this.threads = threads;
    this.metrics = metrics;
    this.failures = new FailureLog(log, "group " + settings.group());
    this.slots = new Semaphore(settings.maxInFlight());
  }

  /** What pulls and handles jobs, from a start to the next stop. */
  final class Running implements DrainingContainer.Work {

    private final ScheduledThreadPoolExecutor timer =
        new ScheduledThreadPoolExecutor(1, task -> new Thread(task, "job-timer"));
    // The slots bound the threads. A job frees its slot shortly before its thread is idle, so that the next job may need one
    // thread more than there are slots
    private final ThreadPoolExecutor pool = new ThreadPoolExecutor(0, Integer.MAX_VALUE, IDLE_THREADS_STAY.toSeconds(),
        TimeUnit.SECONDS, new SynchronousQueue<>(), threads);
    private final JobProcessor processor = new JobProcessor(store, settings, handlers, timer, threads, metrics, failures);
    private final JobQueue queue = store.open(settings.group(), settings.subjects(), settings.lease());
    private final Thread puller = new Thread(() -> pull(queue, processor, pool), "job-puller");

    @Override
    public void takeNoMore() throws InterruptedException {
      puller.interrupt();
      puller.join(settings.drainTimeout().toMillis() + 1); // it may be sending a pull
      try {
        queue.close();
      } catch (RuntimeException e) { // of a closed connection: running jobs go on
        log.warn("Jobs on their way could not be given back. They are handed out again when their leases end: {}", e.toString());
      }
    }

    @Override
    public ThreadPoolExecutor pool() {
      return pool;
    }

    @Override
    public void giveUp() {
      log.warn("Durable tasks were not finished within {}. They are interrupted and given back for another worker",
          settings.drainTimeout());
      processor.release(RELEASE_TIMEOUT);
    }

    @Override
    public void close() {
      timer.shutdownNow();
      failures.tellWhatWasLeftOut();
      problem = null;
    }
  }

  @Override
  protected Running begin() {
    Running running = new Running();
    running.timer.setRemoveOnCancelPolicy(true);
    running.timer.scheduleAtFixedRate(failures::tellWhatWasLeftOut, SECONDS_BETWEEN_COUNTS, SECONDS_BETWEEN_COUNTS,
        TimeUnit.SECONDS);
    running.timer.scheduleWithFixedDelay(running.processor::writeProgress, 1, 1, TimeUnit.SECONDS);
    running.puller.start();
    log.info("The worker takes durable tasks of {} in group {}", settings.subjects(), settings.group());
    return running;
  }

  private void pull(JobQueue queue, JobProcessor processor, ThreadPoolExecutor pool) {
    try {
      while (!Thread.currentThread().isInterrupted()) {
        slots.acquire(); // until one is free, which it stays: no other thread takes slots
        slots.release();
        try {
          if (processor.isStalled()) {
            TimeUnit.NANOSECONDS.sleep(PAUSE.toNanos());
          } else {
            queue.pull(slots.availablePermits(), PULL_WAIT, job -> handOver(job, processor, pool));
            problem = null;
          }
        } catch (BrokerException e) {
          pullFailed(String.valueOf(e.getMessage()), null);
        } catch (RuntimeException | Error e) { // such as no more threads; it must not end the pulls to come
          pullFailed(e.toString(), e);
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt(); // by stop()
    }
  }

  private void handOver(Job job, JobProcessor processor, ThreadPoolExecutor pool) {
    pool.execute(() -> {
      try {
        processor.process(job);
      } finally {
        slots.release();
      }
    });
    slots.acquireUninterruptibly(); // there is a free one, which the pull was for
  }

  private void pullFailed(String cause, @Nullable Throwable bug) throws InterruptedException {
    if (!cause.equals(problem)) {
      log.warn("No durable tasks are taken now. The worker asks again every second: {}", cause, bug);
    }
    problem = cause;
    TimeUnit.NANOSECONDS.sleep(PAUSE.toNanos());
  }

  /** Returns why no jobs can be pulled or recorded now, or {@code null} if they can. */
  public @Nullable String problem() {
    Running current = work();
    String notRecorded = current == null ? null : current.processor.problem();
    return notRecorded == null ? problem : notRecorded;
  }

  /** Returns the number of jobs being handled. */
  public int inFlight() {
    Running current = work();
    return current == null ? 0 : current.pool.getActiveCount();
  }

  /**
   * Returns what waits in the queue; blocks no longer than the timeout.
   *
   * @throws BrokerException if the broker does not say
   */
  public JobQueue.@Nullable Backlog backlog(Duration timeout) {
    Running current = work();
    return current == null ? null : current.queue.backlog(timeout);
  }
}
