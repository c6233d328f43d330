package dev.workloads.httpapi;

import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.springframework.context.SmartLifecycle;

/**
 * Delays a stop by a short while in which requests are answered as before, but with {@code Connection: close}, so that
 * no client sends its next request into a closed connection.
 */
final class DrainLifecycle implements SmartLifecycle {

  private final Duration delay;
  private volatile boolean running;
  private volatile boolean draining;

  DrainLifecycle(Duration delay) {
    this.delay = delay;
  }

  /** Returns whether the stop has begun: answers then carry {@code Connection: close}. */
  boolean isDraining() {
    return draining;
  }

  @Override
  public void start() {
    draining = false;
    running = true;
  }

  @Override
  public void stop(Runnable callback) {
    stop();
    // On the timer's own thread: the common pool may be busy, or blocked by whoever closes the application
    CompletableFuture.delayedExecutor(delay.toMillis(), TimeUnit.MILLISECONDS, Runnable::run).execute(callback);
  }

  @Override
  public void stop() {
    draining = true;
    running = false;
  }

  @Override
  public boolean isRunning() {
    return running;
  }
}
