package dev.workloads.messaging.listener;

import java.time.Duration;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.springframework.context.SmartLifecycle;

/**
 * A container that a stop drains: it takes no more, and finishes what it has within a timeout. Start and stop are idempotent, and
 * one waits for the other; all methods are safe for use by many threads.
 */
public abstract class DrainingContainer<W extends DrainingContainer.Work> implements SmartLifecycle {

  private final Duration drainTimeout;
  private volatile @Nullable W work; // changed under this

  /** What is there from a start to the next stop. The methods are called in their order, by one thread. */
  public interface Work {

    /** Takes no more. What has come in goes to the pool before this returns, no later than after the drain timeout. */
    void takeNoMore() throws InterruptedException;

    /** Returns the threads that finish what was taken. */
    ThreadPoolExecutor pool();

    /** Gives up what the drain timeout was too short for. */
    void giveUp();

    /** Releases what else is held; must not throw. */
    void close();
  }

  protected DrainingContainer(Duration drainTimeout) {
    this.drainTimeout = drainTimeout;
  }

  /** Begins to take in; if it throws, the container stays stopped. */
  protected abstract W begin();

  /** Returns what there is since the last start, or {@code null} if the container is not running. */
  protected final @Nullable W work() {
    return work;
  }

  @Override
  public final boolean isRunning() {
    return work != null;
  }

  @Override
  public final synchronized void start() {
    if (work == null) {
      work = begin();
    }
  }

  /** Stops on a thread of its own, so that the containers of an application drain side by side. */
  @Override
  public final void stop(Runnable callback) {
    new Thread(() -> {
      try {
        stop();
      } finally {
        callback.run();
      }
    }, "messaging-drain").start();
  }

  /** Takes no more, and blocks until what was taken is finished or given up: a few seconds longer than the drain timeout. */
  @Override
  public final synchronized void stop() {
    W ending = work;
    if (ending == null) {
      return;
    }
    long deadline = System.nanoTime() + drainTimeout.toNanos();
    try {
      ending.takeNoMore();
      ending.pool().shutdown();
      if (!ending.pool().awaitTermination(deadline - System.nanoTime(), TimeUnit.NANOSECONDS)) {
        ending.giveUp();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } finally {
      work = null;
      ending.pool().shutdown();
      ending.close();
    }
  }
}
