package dev.workloads.messaging.durable.operations;

import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What a retry or deletion has done, or would do.
 *
 * @param dryRun whether nothing was done
 * @param upTo the sequence up to which letters were looked at
 * @param matched how many of them the filter matches
 * @param putBack how many were put back
 * @param deleted how many were thrown away
 * @param left how many were left, by reason; of a dry run, how many are sure to be
 * @param problem why it has stopped before its end, or {@code null} if it has not
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record LetterOutcome(boolean dryRun, long upTo, long matched, long putBack, long deleted, List<Left> left,
    @Nullable String problem) {

  /** Letters that were left. */
  public record Left(String reason, long count) {}
}
