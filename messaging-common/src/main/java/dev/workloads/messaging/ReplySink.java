package dev.workloads.messaging;

/**
 * Takes the replies of a handler that has several, one by one.
 *
 * @param <T> what a reply is made of
 */
@FunctionalInterface
public interface ReplySink<T> {

  /**
   * Sends one reply, in the order of the calls; one with an empty body is skipped. Blocks while the requester has not read what
   * was sent before. Only the handler may call it, and only until it returns.
   *
   * @throws RequesterGoneException if nobody takes the replies any more
   * @throws BrokerException if the reply is too large, or the connection to the broker does not return in time
   */
  void send(T reply);
}
