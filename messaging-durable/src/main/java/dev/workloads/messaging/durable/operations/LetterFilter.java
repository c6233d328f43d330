package dev.workloads.messaging.durable.operations;

import org.jspecify.annotations.Nullable;

/**
 * Which dead letters are meant.
 *
 * @param group those of that group of workers, or {@code null} for all
 * @param reason those with that reason, or {@code null} for all
 * @param upTo none with a higher sequence
 */
public record LetterFilter(@Nullable String group, @Nullable String reason, long upTo) {

  boolean matches(DeadLetter letter) {
    return (group == null || group.equals(letter.group())) && (reason == null || reason.equals(letter.reason()))
        && letter.sequence() <= upTo;
  }
}
