package dev.workloads.messaging.durable;

import dev.workloads.messaging.Subjects;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A task to be submitted.
 *
 * @param worker the name of the worker that it is for
 * @param payload what its handler gets, not to be changed
 * @param id the first alone is done of several submissions with one id; {@code null} for an id that nobody can guess
 * @param client the name of the client that it belongs to, which its worker learns, or {@code null} for none
 */
public record NewTask(String worker, byte[] payload, @Nullable String id, @Nullable String client) {

  /** Checks the names; throws {@link IllegalArgumentException} if that of the worker or the id is malformed. */
  public NewTask {
    Objects.requireNonNull(payload, "payload");
    if (!Subjects.isWorkerName(worker)) {
      throw new IllegalArgumentException("not a worker's name");
    }
    if (id != null && !Jobs.isTaskId(id)) {
      throw new IllegalArgumentException("not an id of a task");
    }
  }
}
