package dev.workloads.messaging.durable;

import org.jspecify.annotations.Nullable;

/**
 * What a task's handler returned.
 *
 * @param body the bytes, not to be changed
 * @param contentType the value of the reply's {@code Content-Type} header, or {@code null} if it had none
 */
public record TaskResult(byte[] body, @Nullable String contentType) {}
