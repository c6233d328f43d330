package dev.workloads.httpapi;

import dev.workloads.messaging.durable.TaskStatus;
import java.util.Objects;
import java.util.concurrent.Semaphore;
import org.jspecify.annotations.Nullable;

/**
 * Somebody who sends requests: which workers it may ask for, and how much at once. Safe for use by many threads.
 *
 * @param name its name, or {@code null} if clients have no names
 * @param inFlight a permit for each of its requests at once, or {@code null} if it has no such bound
 * @param rate the bound of its requests a second, or {@code null} if it has none
 */
record Client(@Nullable String name, AllowedWorkers workers, @Nullable Semaphore inFlight, @Nullable RateLimit rate,
    ClientCounters counters) {

  /**
   * Counts a request, and lets it in.
   *
   * @throws ProblemException if the client has too many requests at once, or too many a second
   */
  Admission admit() {
    counters.requested();
    if (inFlight != null && !inFlight.tryAcquire()) {
      throw refused("max-in-flight", ProblemException.tooManyRequests("this client has too many requests at once", 1));
    }
    Admission admission = new Admission(this);
    int wait = rate == null ? 0 : rate.acquire();
    if (wait > 0) {
      admission.close();
      throw refused("rate", ProblemException.tooManyRequests("this client sends too many requests a second", wait));
    }
    return admission;
  }

  /**
   * Checks that the client may ask for a worker.
   *
   * @throws ProblemException if it may not
   */
  void requireAllowed(String worker) {
    if (!workers.allow(worker)) {
      throw refused("worker-not-allowed",
          new ProblemException(Problem.WORKER_NOT_ALLOWED, "this worker may not be asked for"));
    }
  }

  private ProblemException refused(String reason, ProblemException refusal) {
    counters.refused(reason);
    return refusal;
  }

  /** Returns whether a task is the client's. */
  boolean owns(TaskStatus task) {
    return Objects.equals(name, task.client());
  }

  /** A request that was let in, which counts as one of its client's until it is closed. Used by one thread at a time. */
  static final class Admission implements AutoCloseable {

    private final Client client;
    private @Nullable Semaphore held;

    private Admission(Client client) {
      this.client = client;
      this.held = client.inFlight;
    }

    Client client() {
      return client;
    }

    /** Idempotent. */
    @Override
    public void close() {
      if (held != null) {
        held.release();
        held = null;
      }
    }
  }
}
