package dev.workloads.messaging.listener;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/** The threads of a listener, and a bounded queue before them. It has no threads before the first task. */
final class HandlerPool extends ThreadPoolExecutor {

  private static final Duration IDLE_THREADS_STAY = Duration.ofSeconds(30);

  private record Task(Runnable task, Runnable otherwise) implements Runnable {

    @Override
    public void run() {
      task.run();
    }
  }

  HandlerPool(ListenerSettings settings, ThreadFactory threads) {
    super(settings.maxInFlight(), settings.maxInFlight(), IDLE_THREADS_STAY.toSeconds(), TimeUnit.SECONDS,
        settings.queueCapacity() == 0 ? new SynchronousQueue<>() : new LinkedBlockingQueue<>(settings.queueCapacity()),
        threads);
    allowCoreThreadTimeOut(true);
  }

  /**
   * Has a thread run the task; returns whether there was a thread, or room in the queue.
   *
   * @param otherwise what is done in place of the task if a stop gives it up
   */
  boolean offer(Runnable task, Runnable otherwise) {
    try {
      execute(new Task(task, otherwise));
      return true;
    } catch (RejectedExecutionException e) {
      return false;
    }
  }

  /** Interrupts what runs, and does what is to be done in place of what is queued; returns how many tasks were. */
  int giveUp() {
    List<Runnable> queued = shutdownNow();
    queued.forEach(task -> ((Task) task).otherwise().run());
    return queued.size();
  }
}
