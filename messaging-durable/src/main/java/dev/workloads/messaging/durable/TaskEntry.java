package dev.workloads.messaging.durable;

import java.time.Instant;

/** The record of a task as it was read or written. */
record TaskEntry(String id, TaskRecord task, long revision, Instant written) {}
