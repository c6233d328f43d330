package dev.workloads.httpapi;

import dev.workloads.messaging.InvalidConfigurationException;
import dev.workloads.messaging.Subjects;
import java.util.List;
import java.util.Set;
import java.util.function.Predicate;
import java.util.stream.Collectors;

/**
 * The workers that may be asked for.
 *
 * @param names whole names
 * @param prefixes what further names begin with
 */
record AllowedWorkers(Set<String> names, List<String> prefixes) {

  static final AllowedWorkers ALL = new AllowedWorkers(Set.of(), List.of(""));

  private static final String REST = "*";

  /**
   * Reads a setting, in which a trailing {@code *} stands for any rest of a name.
   *
   * @param within what allows all of it
   * @return what the setting says, or the latter if the setting is empty
   * @throws InvalidConfigurationException if an entry is no name, or is not allowed by the latter
   */
  static AllowedWorkers of(String property, List<String> entries, AllowedWorkers within) {
    entries.forEach(entry -> {
      if (!Subjects.isWorkerName(isPattern(entry) ? start(entry) + "x" : entry)) {
        throw new InvalidConfigurationException(property + " holds '" + entry + "', which is no name of a worker.",
            "A name has 1 to 128 characters: A-Z a-z 0-9 _ -, and single dots between. A trailing * stands for any rest.");
      }
      if (!within.covers(entry)) {
        throw new InvalidConfigurationException(property + " holds '" + entry + "', which task.workers does not allow.",
            "Add the name to task.workers, or remove it here.");
      }
    });
    Predicate<String> isPattern = AllowedWorkers::isPattern;
    return entries.isEmpty() ? within
        : new AllowedWorkers(entries.stream().filter(isPattern.negate()).collect(Collectors.toUnmodifiableSet()),
            entries.stream().filter(isPattern).map(AllowedWorkers::start).toList());
  }

  private static boolean isPattern(String entry) {
    return entry.endsWith(REST);
  }

  private static String start(String pattern) {
    return pattern.substring(0, pattern.length() - REST.length());
  }

  private boolean covers(String entry) {
    return isPattern(entry) ? prefixes.stream().anyMatch(start(entry)::startsWith) : allow(entry);
  }

  boolean allow(String worker) {
    if (names.contains(worker)) {
      return true;
    }
    for (String prefix : prefixes) {
      if (worker.startsWith(prefix)) {
        return true;
      }
    }
    return false;
  }
}
