package dev.workloads.messaging;

/** Handles messages with any number of replies each. What {@link BrokerMessageHandler} says goes for it as well. */
@FunctionalInterface
public interface StreamingHandler extends BrokerMessageHandler {

  /**
   * Handles one message. When the requester has gone, the thread is interrupted.
   *
   * @param replies takes the replies; their bodies and headers are sent
   * @throws MessageRejectedException to tell the requester why
   * @throws Exception any other failure; the requester is told {@code handler failed}, the rest is logged
   */
  void handle(BrokerMessage message, ReplySink<BrokerMessage> replies) throws Exception;

  /** Rejects a message whose requester wants one reply. */
  @Override
  default BrokerMessage handle(BrokerMessage message) {
    throw new MessageRejectedException("this worker has several replies: ask for a stream (over HTTP by Accept: "
        + "text/event-stream or application/x-ndjson), or for a durable task");
  }
}
