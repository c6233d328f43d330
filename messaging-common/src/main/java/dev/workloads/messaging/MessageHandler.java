package dev.workloads.messaging;

/**
 * Handles the messages of a worker's subscriptions.
 *
 * <p>Called by many threads at once; may block. To reply, publish {@link BrokerMessage#reply} with the
 * {@link MessagingClient} before returning: a drain waits for handlers, not for what they started elsewhere. Delivery is
 * at most once, and a message may be handled after its requester has given up.
 */
@FunctionalInterface
public interface MessageHandler {

  /**
   * Handles one message.
   *
   * @throws MessageRejectedException to tell the requester why
   * @throws Exception any other failure; the requester is told {@code handler failed}, the rest is logged
   */
  void handle(BrokerMessage message) throws Exception;
}
