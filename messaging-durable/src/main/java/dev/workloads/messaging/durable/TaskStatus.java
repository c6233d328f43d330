package dev.workloads.messaging.durable;

import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * What is known of a task.
 *
 * @param id the task's id, 22 to 64 characters of {@code A-Z a-z 0-9 _ -}
 * @param task what the store keeps of it
 * @param expires when it is forgotten unless its state changes before
 * @param revision changes whenever the task does
 */
public record TaskStatus(String id, TaskRecord task, Instant expires, long revision) {

  /** Returns the name of the worker that it is for. */
  public String worker() {
    return task.worker();
  }

  /** Returns the name of the client that it belongs to, or {@code null} if clients have no names. */
  public @Nullable String client() {
    return task.client();
  }

  /** Returns how far it is. */
  public TaskState state() {
    return task.state();
  }

  /** Returns how often it was started. */
  public int attempts() {
    return task.attempts();
  }

  /** Returns when it was accepted. */
  public Instant submitted() {
    return task.submitted();
  }

  /** Returns when the last attempt began, or {@code null} before the first. */
  public @Nullable Instant started() {
    return task.started();
  }

  /** Returns when it reached its last state, or {@code null} before. */
  public @Nullable Instant finished() {
    return task.finished();
  }

  /** Returns why the last attempt failed, or {@code null} if none did. */
  public @Nullable TaskError error() {
    return task.error();
  }

  /** Returns how far the last attempt said it was, or {@code null} if it has not said so, or has succeeded. */
  public @Nullable Progress progress() {
    return task.progress();
  }
}
