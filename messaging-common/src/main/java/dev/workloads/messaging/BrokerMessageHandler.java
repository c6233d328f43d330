package dev.workloads.messaging;

import org.jspecify.annotations.Nullable;

/**
 * Handles the messages of a worker's subscriptions.
 *
 * <p>Called by many threads at once; may block, unless it says otherwise. Delivery is at most once, and a message may
 * be handled after its requester has given up.
 */
@FunctionalInterface
public interface BrokerMessageHandler {

  /**
   * Handles one message. The reply goes back the way its request came, for as long as the requester waits.
   *
   * @return the reply, made by {@link BrokerMessage#reply(byte[])}, or {@code null} to send none; its body and headers
   *     are sent
   * @throws MessageRejectedException to tell the requester why
   * @throws Exception any other failure; the requester is told {@code handler failed}, the rest is logged
   */
  @Nullable BrokerMessage handle(BrokerMessage message) throws Exception;

  /**
   * Returns whether handling this message takes microseconds and never waits. Then it may be handled on the transport's
   * own thread, before all messages that come after it, which spares the hand-over to another thread. By default no
   * message is.
   */
  default boolean isNonBlocking(BrokerMessage message) {
    return false;
  }
}
