package dev.workloads.messaging.durable;

import dev.workloads.messaging.Subjects;
import java.time.Duration;
import java.util.Collections;
import java.util.List;
import java.util.Set;

/**
 * Settings of a worker that takes jobs.
 *
 * @param group the group of workers that share a queue
 * @param subjects the subjects of the queue's jobs, without wildcards
 * @param maxInFlight the most jobs that are handled at once
 * @param lease how long a job is handed out for; renewed after each third of it, and no later than after 10 s: the queue's own
 *     may be shorter
 * @param maxRuntime the longest that an attempt may take
 * @param maxAttempts after how many failures a task has failed
 * @param backoff the pauses before the second and further attempts; the last one stands for all after it
 * @param drainTimeout the longest that a stop waits for handlers
 */
public record JobSettings(String group, List<String> subjects, int maxInFlight, Duration lease, Duration maxRuntime,
    int maxAttempts, List<Duration> backoff, Duration drainTimeout) {

  private static final Duration LONGEST_RENEWAL = Duration.ofSeconds(10);

  public JobSettings {
    subjects = List.copyOf(subjects);
    backoff = List.copyOf(backoff);
    subjects.forEach(Subjects::requireSubject);
    if (!Jobs.isGroup(group) || Set.copyOf(subjects).size() < subjects.size()) {
      throw new IllegalArgumentException("the group must be letters, digits, - and _, and the subjects different");
    }
    if (subjects.isEmpty() || backoff.isEmpty() || maxInFlight < 1 || maxAttempts < 1) {
      throw new IllegalArgumentException("subjects, backoff, maxInFlight and maxAttempts must be at least one");
    }
  }

  /** Returns how long after one renewal of a lease the next one is. */
  Duration renewal() {
    return Collections.min(List.of(lease.dividedBy(3), LONGEST_RENEWAL));
  }

  /** Returns the pause after that many failures, from 1 on. */
  Duration backoff(int failures) {
    return backoff.get(Math.min(failures, backoff.size()) - 1);
  }
}
