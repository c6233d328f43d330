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
  private final Duration drainTimeout;
  private final Runnable begun;
  private volatile boolean running;
  private volatile long begunAt; // written before draining
  private volatile boolean draining;

  /**
   * Creates the lifecycle.
   *
   * @param delay how long a stop is delayed
   * @param drainTimeout how long requests that are worked on may still take when a stop begins
   * @param begun called when a stop has begun; must not block
   */
  DrainLifecycle(Duration delay, Duration drainTimeout, Runnable begun) {
    this.delay = delay;
    this.drainTimeout = drainTimeout;
    this.begun = begun;
  }

  /** Returns whether the stop has begun. */
  boolean isDraining() {
    return draining;
  }

  /** Returns whether the stop has begun so long ago that no request may take any longer. */
  boolean isOver() {
    return draining && System.nanoTime() - begunAt >= drainTimeout.toNanos();
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
    begunAt = System.nanoTime();
    draining = true;
    running = false;
    begun.run();
  }

  @Override
  public boolean isRunning() {
    return running;
  }
}
