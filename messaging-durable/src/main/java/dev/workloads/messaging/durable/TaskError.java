package dev.workloads.messaging.durable;

import com.fasterxml.jackson.annotation.JsonIgnore;

/**
 * Why an attempt failed.
 *
 * @param code 400 to 499 the task is at fault, any other the handler failed
 * @param text why, on one line
 */
public record TaskError(int code, String text) {

  /** Returns whether another attempt would fail as well. */
  @JsonIgnore
  public boolean isRejection() {
    return code >= 400 && code < 500;
  }
}
