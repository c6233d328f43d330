package dev.workloads.messaging.durable;

import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * A value of a {@link DurableStore}.
 *
 * @param bytes the value, not to be changed
 * @param contentType what it was written with
 * @param revision grows with each write of the key
 * @param written when it was written
 */
public record StoredValue(byte[] bytes, @Nullable String contentType, long revision, Instant written) {}
