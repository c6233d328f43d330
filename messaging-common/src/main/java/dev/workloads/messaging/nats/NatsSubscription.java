package dev.workloads.messaging.nats;

import dev.workloads.messaging.MessageTransport.Receiver;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What is subscribed to, on each connection anew.
 *
 * @param overlaps whether the former connection keeps it for a while when a new one has it: a message may come over both
 * @param receiver takes each message, and the way back over the link that it came in on; of each subscription another one,
 *     so that two with the same patterns are not equal
 */
record NatsSubscription(List<String> patterns, @Nullable String group, boolean overlaps, Receiver receiver) {

  private static final String DISCOVERY = "$SRV.";

  /** Returns whether the application is not ready without it. Discovery is no part of the work. */
  boolean isWork() {
    return patterns.stream().noneMatch(pattern -> pattern.startsWith(DISCOVERY));
  }

  @Override
  public String toString() {
    return patterns + (group == null ? "" : " in group " + group);
  }
}
