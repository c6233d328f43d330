package dev.workloads.messaging.listener;

import dev.workloads.messaging.Subjects;
import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What a listener container subscribes to, and its bounds.
 *
 * @param id the name in metrics and logs
 * @param subscriptions one or more subject patterns
 * @param group the queue group that shares the messages, or {@value #BROADCAST} for none
 * @param maxInFlight the most handlers at once
 * @param queueCapacity the most messages that wait for a handler
 * @param drainTimeout the longest that a stop waits for handlers to finish
 */
public record ListenerSettings(String id, List<String> subscriptions, String group, int maxInFlight,
    int queueCapacity, Duration drainTimeout) {

  /** The group that stands for no queue group: every member gets every message. */
  public static final String BROADCAST = "broadcast";

  public ListenerSettings {
    subscriptions = List.copyOf(subscriptions);
    if (maxInFlight < 1 || queueCapacity < 0) {
      throw new IllegalArgumentException("max-in-flight must be at least 1, and queue-capacity not negative");
    }
    Subjects.requireSubscription(subscriptions, queueGroup(group));
    subscriptions.forEach(Subjects::requireNoJobs);
  }

  /** Returns the queue group, or {@code null} for none. */
  public @Nullable String queueGroup() {
    return queueGroup(group);
  }

  private static @Nullable String queueGroup(String group) {
    return group.equals(BROADCAST) ? null : group;
  }
}
