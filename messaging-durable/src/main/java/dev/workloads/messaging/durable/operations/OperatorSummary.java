package dev.workloads.messaging.durable.operations;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.annotation.JsonUnwrapped;
import java.time.Instant;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What waits, what has failed, and how far the last retry or deletion is.
 *
 * @param retry the last one of this instance, or {@code null} if there was none
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record OperatorSummary(List<Worker> workers, Bucket bucket, Dead dead, @Nullable Progress retry) {

  /**
   * A group of workers.
   *
   * @param group its name, or {@code *} if the names are not known
   * @param problem why its queue is not known, or {@code null} if it is
   */
  @JsonInclude(JsonInclude.Include.NON_NULL)
  public record Worker(String group, @JsonUnwrapped StoreOperations.@Nullable Queue queue, @Nullable String problem) {}

  /**
   * What keeps entries and results.
   *
   * @param problem why its room is not known, or {@code null} if it is
   */
  @JsonInclude(JsonInclude.Include.NON_NULL)
  public record Bucket(@JsonUnwrapped StoreOperations.@Nullable Room room, @Nullable String problem) {}

  /**
   * The dead letters.
   *
   * @param total how many there are, or {@code null} if that is not known
   * @param problem why not all is known, or {@code null} if it is
   * @param scanned how many of them the groups count so far
   */
  @JsonInclude(JsonInclude.Include.NON_NULL)
  public record Dead(@Nullable Long total, List<DeadGroup> groups, @Nullable String problem, long scanned) {}

  /**
   * The dead letters of a group with one reason.
   *
   * @param first when the first of them was kept
   * @param last when the last was
   */
  public record DeadGroup(String group, String reason, long count, Instant first, Instant last) {

    DeadGroup and(DeadGroup later) {
      return new DeadGroup(group, reason, count + later.count, first, later.last);
    }
  }

  /**
   * How far a retry or deletion is.
   *
   * @param matched the letters that it is for
   * @param left how many of them it has left so far
   * @param problem why it has stopped before its end, or {@code null} if it has not
   */
  @JsonInclude(JsonInclude.Include.NON_NULL)
  public record Progress(@Nullable String group, @Nullable String reason, long upTo, long matched, long putBack, long deleted,
      long left, boolean running, @Nullable String problem) {}
}
