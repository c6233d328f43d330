package dev.workloads.httpapi;

import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.springframework.context.SmartLifecycle;

/**
 * Delays a stop by a short while in which requests are answered as before, but with {@code Connection: close}, or after
 * a GOAWAY on HTTP/2, so that no client sends its next request into a closed connection.
 */
final class DrainLifecycle implements SmartLifecycle {

  private final Duration delay;
  private final Runnable goAway;
  private volatile boolean running;
  private volatile boolean draining;

  DrainLifecycle(Duration delay, Runnable goAway) {
    this.delay = delay;
    this.goAway = goAway;
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
    goAway.run();
  }

  @Override
  public boolean isRunning() {
    return running;
  }
}
