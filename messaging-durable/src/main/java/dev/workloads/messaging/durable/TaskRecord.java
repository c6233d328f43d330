package dev.workloads.messaging.durable;

import com.fasterxml.jackson.annotation.JsonAnyGetter;
import com.fasterxml.jackson.annotation.JsonAnySetter;
import com.fasterxml.jackson.annotation.JsonIgnore;
import java.time.Instant;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * What the store keeps of a task: as JSON, which is part of the contract with workers in other languages.
 *
 * @param worker the name of the worker that it is for
 * @param client the name of the client that it belongs to, or {@code null} if clients have no names
 * @param hash of worker and payload, to tell whether a repeated submission is the same
 * @param job the sequence of the job that an attempt was started for, 0 before the first
 * @param runner names the worker's thread that is or was at it: two that start the same attempt differ in it
 * @param attempts how often the task was started
 * @param failures how many of the attempts failed or ended without a word
 * @param submitted when it was accepted
 * @param started when the last attempt began, or {@code null} before the first
 * @param finished when it reached its last state, or {@code null} before
 * @param error why the last attempt failed, or {@code null} if none did
 * @param progress how far the last attempt said it was, or {@code null} if it has not said so, or has succeeded
 * @param others members that this version does not know; whoever replaces the entry keeps them
 */
public record TaskRecord(String worker, @Nullable String client, String hash, TaskState state, int attempts, int failures,
    long job, @Nullable String runner, Instant submitted, @Nullable Instant started, @Nullable Instant finished,
    @Nullable TaskError error, @Nullable Progress progress, @JsonAnySetter @JsonAnyGetter Map<String, JsonNode> others) {

  public TaskRecord {
    Objects.requireNonNull(worker, "worker");
    Objects.requireNonNull(hash, "hash");
    Objects.requireNonNull(state, "state");
    Objects.requireNonNull(submitted, "submitted");
    others = others == null ? Map.of() : Map.copyOf(others);
  }

  static TaskRecord queued(String worker, @Nullable String client, String hash, Instant now) {
    return new TaskRecord(worker, client, hash, TaskState.QUEUED, 0, 0, 0, null, now, null, null, null, null,
        Map.of());
  }

  /** Returns whether nobody has begun it or taken it back. */
  @JsonIgnore
  boolean isNew() {
    return state == TaskState.QUEUED && attempts == 0;
  }

  /** Returns whether that runner is at it. */
  boolean isRunBy(@Nullable String other) {
    return state == TaskState.RUNNING && runner != null && runner.equals(other);
  }

  TaskRecord started(long job, String runner, int failures, Instant now) {
    return new TaskRecord(worker, client, hash, TaskState.RUNNING, attempts + 1, failures, job, runner, submitted, now, null,
        error, null, others);
  }

  TaskRecord withProgress(@Nullable Progress progress) {
    return changed(state, failures, finished, error, progress);
  }

  TaskRecord succeeded(Instant now) {
    return changed(TaskState.SUCCEEDED, failures, now, null, null);
  }

  TaskRecord failed(int failures, TaskError error, Instant now) {
    return changed(TaskState.FAILED, failures, now, error, progress);
  }

  TaskRecord queuedAgain(int failures, @Nullable TaskError error) {
    return changed(TaskState.QUEUED, failures, null, error, progress);
  }

  TaskRecord cancelled(Instant now) {
    return changed(TaskState.CANCELLED, failures, now, error, progress);
  }

  private TaskRecord changed(TaskState state, int failures, @Nullable Instant finished, @Nullable TaskError error,
      @Nullable Progress progress) {
    return new TaskRecord(worker, client, hash, state, attempts, failures, job, runner, submitted, started, finished, error,
        progress, others);
  }
}
