package dev.workloads.messaging.durable;

import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * What is known of a task.
 *
 * @param id the task's id, 22 to 64 characters of {@code A-Z a-z 0-9 _ -}
 * @param worker the name of the worker that it is for
 * @param attempts how often it was started
 * @param submitted when it was accepted
 * @param started when the last attempt began, or {@code null} before the first
 * @param finished when it reached its last state, or {@code null} before
 * @param expires when it is forgotten unless its state changes before
 * @param error why the last attempt failed, or {@code null} if none did
 * @param revision changes whenever anything else does
 */
public record TaskStatus(String id, String worker, TaskState state, int attempts, Instant submitted,
    @Nullable Instant started, @Nullable Instant finished, Instant expires, @Nullable TaskError error, long revision) {}
