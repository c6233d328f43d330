package dev.workloads.messaging.nats;

import dev.workloads.messaging.MessageTransport.Receiver;
import dev.workloads.messaging.MessageTransport.SubscribeOptions;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/**
 * What is subscribed to, on each connection anew.
 *
 * @param receiver takes each message, and the way back over the link that it came in on; of each subscription another one,
 *     so that two with the same patterns are not equal
 * @param refusalTold whether the log has it that it was refused, on whatever connection
 */
record NatsSubscription(List<String> patterns, @Nullable String group, SubscribeOptions options, Receiver receiver,
    AtomicBoolean refusalTold) {

  NatsSubscription(List<String> patterns, @Nullable String group, SubscribeOptions options, Receiver receiver) {
    this(patterns, group, options, receiver, new AtomicBoolean());
  }

  /** Returns whether the former connection keeps it for a while when a new one has it; of a group one alone gets a message. */
  boolean overlaps() {
    return group != null || options.mayRepeat();
  }

  /** Returns whether the application is not ready without it. */
  boolean isNeeded() {
    return options.isNeeded();
  }

  @Override
  public String toString() {
    return patterns + (group == null ? "" : " in group " + group);
  }
}
