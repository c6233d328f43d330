package dev.workloads.messaging.listener;

import java.time.Duration;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;

/** Counts and times the handling of the messages of one subject pattern. Safe for use by many threads. */
public final class EndpointStats {

  private final String pattern;
  private final LongAdder requests = new LongAdder();
  private final LongAdder errors = new LongAdder();
  private final LongAdder nanos = new LongAdder();
  private volatile @Nullable String lastError;

  EndpointStats(String pattern) {
    this.pattern = pattern;
  }

  void processed(long nanos) {
    requests.increment();
    this.nanos.add(nanos);
  }

  void failed(String error) {
    errors.increment();
    lastError = error;
  }

  /** Returns the subject pattern. */
  public String pattern() {
    return pattern;
  }

  /** Returns how many messages the handler was called for. */
  public long requests() {
    return requests.sum();
  }

  /** Returns how many of them the handler failed on. */
  public long errors() {
    return errors.sum();
  }

  /** Returns how long the handler took for all of them together. */
  public Duration processingTime() {
    return Duration.ofNanos(nanos.sum());
  }

  /** Returns what the requester of the last failed message was told, or {@code null} if none has failed. */
  public @Nullable String lastError() {
    return lastError;
  }
}
