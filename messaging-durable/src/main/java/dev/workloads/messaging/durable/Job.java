package dev.workloads.messaging.durable;

import dev.workloads.messaging.BrokerMessage;
import java.time.Duration;

/**
 * A job that was handed to this worker on a lease: unless the lease is renewed or the job ended, it is handed out again.
 * Safe for use by many threads; nothing blocks.
 *
 * <p>What ends the lease is best effort: it throws nothing, and if it is lost the job comes again.
 */
public interface Job {

  /** Returns the message, without a reply-to. */
  BrokerMessage message();

  /** Returns what tells this job from all others of its queue; the same each time it is handed out. */
  long sequence();

  /** Returns how often this job was handed out, this time included; to other workers as well. */
  long deliveries();

  /** Renews the lease. */
  void renew();

  /** Removes the job from the queue: it is done. */
  void acknowledge();

  /** Removes the job from the queue: it cannot be done. */
  void terminate();

  /** Gives the job back, to be handed out again after the delay at the earliest. */
  void giveBack(Duration delay);
}
