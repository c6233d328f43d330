package dev.workloads.messaging.durable.jetstream;

import java.time.Duration;

/**
 * The sizes of what is created.
 *
 * @param retention how long the bucket keeps what is not written any more
 * @param maxJobs the most jobs in one queue
 * @param maxBytes the most bytes in each stream and in the bucket
 * @param replicas on how many servers of a cluster everything is kept
 */
public record JetStreamLimits(Duration retention, long maxJobs, long maxBytes, int replicas) {}
