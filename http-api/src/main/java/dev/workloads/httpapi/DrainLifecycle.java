package dev.workloads.httpapi;

import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.springframework.context.SmartLifecycle;

/**
 * Delays a stop by a short while in which requests are answered as before. The answers carry {@code Connection: close}, or
 * follow a GOAWAY on HTTP/2, so that no client sends its next request into a closed connection.
 */
final class DrainLifecycle implements SmartLifecycle {

  private final Duration delay;
  private final Runnable begun;
  private volatile boolean running;
  private volatile boolean draining;

  /**
   * Creates the lifecycle.
   *
   * @param delay how long a stop is delayed
   * @param begun called when a stop has begun; must not block
   */
  DrainLifecycle(Duration delay, Runnable begun) {
    this.delay = delay;
    this.begun = begun;
  }

  /** Returns whether the stop has begun. */
  boolean isDraining() {
    return draining;
  }

  /**
   * Lets an answer carry {@code Connection: close} if the stop has begun. The call comes just before the answer is written,
   * since the stop may begin while a request is worked on.
   */
  void announceClose(HttpServletRequest request, HttpServletResponse response) {
    if (draining) {
      ProblemWriter.announceClose(request, response);
    }
  }

  @Override
  public void start() {
    draining = false;
    running = true;
  }

  @Override
  public void stop(Runnable callback) {
    stop();
    // The timer's own thread runs it: the common pool may be busy, or blocked by whoever closes the application
    CompletableFuture.delayedExecutor(delay.toMillis(), TimeUnit.MILLISECONDS, Runnable::run).execute(callback);
  }

  @Override
  public void stop() {
    draining = true;
    running = false;
    begun.run();
  }

  @Override
  public boolean isRunning() {
    return running;
  }
}
