package dev.workloads.messaging.nats;

import dev.workloads.messaging.MessageTransport.Receiver;
import dev.workloads.messaging.MessageTransport.SubscribeOptions;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * What is subscribed to, on each connection anew.
 *
 * @param receiver takes each message, and the way back over the link that the message came in on; each subscription has its
 *     own, so that two with the same patterns are not equal
 * @param refusalTold whether the log tells that the subscription was refused, on whatever connection
 */
record NatsSubscription(List<String> patterns, @Nullable String group, SubscribeOptions options, Receiver receiver,
    AtomicBoolean refusalTold) {

  private static final Logger log = LoggerFactory.getLogger(NatsSubscription.class);

  NatsSubscription(List<String> patterns, @Nullable String group, SubscribeOptions options, Receiver receiver) {
    this(patterns, group, options, receiver, new AtomicBoolean());
  }

  /** Returns whether two connections may have it for a while: a group gets a message once, others may get it twice. */
  boolean overlaps() {
    return group != null || options.mayRepeat();
  }

  /** Returns whether the application is not ready without it. */
  boolean isNeeded() {
    return options.isNeeded();
  }

  /** Logs, the first time only, what is lacking without it. */
  void tellRefusal(String error) {
    if (!refusalTold.getAndSet(true)) {
      log.warn("NATS refused a subscription: {}. Without it {}. Give this user the right to subscribe; it is used from the next "
          + "connection on", error, options.withoutIt());
    }
  }

  @Override
  public String toString() {
    return patterns + (group == null ? "" : " in group " + group);
  }
}
