package dev.workloads.httpapi;

import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.springframework.context.SmartLifecycle;

/**
 * The first phase of a stop: for a short while requests are answered as before, and clients are told to close their
 * connections, so that none sends its next request into a closed one.
 */
final class Draining implements SmartLifecycle {

  private final Duration delay;
  private volatile boolean running;
  private volatile boolean active;

  Draining(Duration delay) {
    this.delay = delay;
  }

  /** Returns whether answers carry {@code Connection: close}. */
  boolean isActive() {
    return active;
  }

  @Override
  public void start() {
    active = false;
    running = true;
  }

  @Override
  public void stop(Runnable callback) {
    active = true;
    running = false;
    // On the timer's own thread: the common pool may be busy, or blocked by whoever closes the application
    CompletableFuture.delayedExecutor(delay.toMillis(), TimeUnit.MILLISECONDS, Runnable::run).execute(callback);
  }

  @Override
  public void stop() {
    active = true;
    running = false;
  }

  @Override
  public boolean isRunning() {
    return running;
  }
}
