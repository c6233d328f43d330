package dev.workloads.messaging.durable;

import java.time.Duration;

/** Counts what becomes of jobs. Called by many threads at once; must not block or throw. */
public interface JobMetrics {

  /** Counts nothing. */
  JobMetrics NONE = new JobMetrics() {};

  /** How an attempt ended. */
  enum Outcome {
    /** There is a result. */
    SUCCEEDED,
    /** The handler rejected the task; there are no more attempts. */
    REJECTED,
    /** It failed, and there are no more attempts: a dead letter, unless the result cannot be kept. */
    FAILED,
    /** It failed, and there will be another. */
    RETRIED,
    /** A stop took too long to wait for it: it was given back. */
    RELEASED,
    /** Another worker or a client has changed the task during the attempt: the outcome is dropped. */
    SUPERSEDED,
    /** There was none, since the job names no task, or one whose entry has expired or cannot be read: a dead letter. */
    EXPIRED
  }

  /** The first attempt at a task begins. */
  default void started(Duration sinceSubmission) {}

  /** An attempt has ended. */
  default void ended(Outcome outcome) {}

  /** A task has its result. */
  default void succeeded(Duration sinceSubmission) {}
}
