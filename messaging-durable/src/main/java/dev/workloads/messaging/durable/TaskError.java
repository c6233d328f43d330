package dev.workloads.messaging.durable;

import com.fasterxml.jackson.annotation.JsonIgnore;
import dev.workloads.messaging.ErrorReply;

/**
 * Why an attempt failed.
 *
 * @param code 400 to 499 the task is at fault, any other the handler failed
 * @param text why, on one line
 */
public record TaskError(int code, String text) {

  static TaskError of(ErrorReply reply) {
    return new TaskError(reply.code(), reply.text());
  }

  /** Returns whether another attempt would fail as well. */
  @JsonIgnore
  public boolean isRejection() {
    return code >= 400 && code < 500;
  }
}
