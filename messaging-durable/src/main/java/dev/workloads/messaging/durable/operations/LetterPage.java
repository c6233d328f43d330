package dev.workloads.messaging.durable.operations;

import com.fasterxml.jackson.annotation.JsonInclude;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Some dead letters, by sequence.
 *
 * @param next the sequence after which the next page begins, or {@code null} if there is none
 */
@JsonInclude(JsonInclude.Include.NON_NULL)
public record LetterPage(List<DeadLetter> letters, @Nullable Long next) {}
