package dev.workloads.messaging;

/**
 * Handles the messages of a worker's subscriptions.
 *
 * <p>Called by many threads at once; may block, unless it says otherwise. To reply, publish {@link BrokerMessage#reply}
 * with the {@link MessagingClient} before returning: a drain waits for handlers, not for what they started elsewhere.
 * Delivery is at most once, and a message may be handled after its requester has given up.
 */
@FunctionalInterface
public interface BrokerMessageHandler {

  /**
   * Handles one message.
   *
   * @throws MessageRejectedException to tell the requester why
   * @throws Exception any other failure; the requester is told {@code handler failed}, the rest is logged
   */
  void handle(BrokerMessage message) throws Exception;

  /**
   * Returns whether handling this message takes microseconds and never waits, for anything but its reply to be sent.
   * Then it may be handled on the transport's own thread, in front of all that come after it, which spares the hand-over
   * to another one. By default nothing is taken for that.
   */
  default boolean isNonBlocking(BrokerMessage message) {
    return false;
  }
}
