package dev.workloads.messaging.durable;

import com.fasterxml.jackson.annotation.JsonCreator;
import com.fasterxml.jackson.annotation.JsonValue;
import java.util.Locale;

/** How far a task is. */
public enum TaskState {

  /** It waits for its first attempt, or for the next one. */
  QUEUED,
  /** A worker is at it. */
  RUNNING,
  /** It is done, and there is a result. */
  SUCCEEDED,
  /** It was rejected, or is out of attempts. */
  FAILED,
  /** It was taken back before a worker began. */
  CANCELLED;

  /** Returns whether it stays so. */
  public boolean isFinished() {
    return this != QUEUED && this != RUNNING;
  }

  /** Returns the state as it is written: in lower case. */
  @JsonValue
  public String text() {
    return name().toLowerCase(Locale.ROOT);
  }

  @JsonCreator
  static TaskState of(String text) {
    return valueOf(text.toUpperCase(Locale.ROOT));
  }
}
