package dev.workloads.messaging;

import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Carries messages: over NATS or within the process. Safe for use by many threads.
 *
 * <p>Delivery is at most once. Nothing is kept for later: what cannot be sent now is refused.
 */
public interface MessageTransport extends AutoCloseable {

  /**
   * Sends a message without waiting for anybody to receive it. If nobody is subscribed to its subject, whoever is subscribed to
   * its reply-to gets a message without body and with the header {@code Status: 503}.
   *
   * @throws IllegalArgumentException if the message has a malformed subject or header
   * @throws BrokerException if it is too large, or if the connection to the broker is down or closed
   */
  void publish(BrokerMessage message);

  /**
   * Sends a message and blocks until the first reply arrives. An error reply is returned like any other.
   *
   * @param message the request; its reply-to is ignored, the transport sets one
   * @param timeout the longest wait; it may end up to 100 ms late, never early
   * @throws IllegalArgumentException if the message has a malformed subject or header
   * @throws BrokerException if there is no reply; interrupted callers get {@code TIMEOUT} and keep their interrupt flag
   */
  BrokerMessage request(BrokerMessage message, Duration timeout);

  /** Returns the most bytes that body and headers of a message may have now. */
  default long maxPayload() {
    return Long.MAX_VALUE;
  }

  /**
   * Subscribes to subject patterns; without it the application is not ready.
   *
   * @see #subscribe(List, String, SubscribeOptions, Receiver)
   */
  default Subscription subscribe(List<String> patterns, @Nullable String group, Receiver receiver) {
    return subscribe(patterns, group, SubscribeOptions.NEEDED, receiver);
  }

  /**
   * Subscribes to subject patterns.
   *
   * <p>If the broker can be reached, it knows of the subscription when this method returns; else it will as soon as
   * there is a connection. The members of a group share the messages, also where their patterns overlap.
   *
   * @param patterns one or more subject patterns
   * @param group the queue group, or {@code null} for a subscription that gets every message
   * @throws IllegalArgumentException if a pattern or the group is malformed, or patterns overlap without a group
   * @throws IllegalStateException if the transport is closed
   */
  Subscription subscribe(List<String> patterns, @Nullable String group, SubscribeOptions options, Receiver receiver);

  /** Returns whether messages can be sent, and received by what is subscribed to; short interruptions are overlooked. */
  boolean isReady();

  /** Returns the host name or address of the server last connected to, or {@code null} if there was none. */
  default @Nullable String serverAddress() {
    return null;
  }

  /** Ends all subscriptions and releases what the transport holds; waiting requests end as {@code TIMEOUT}. */
  @Override
  void close();

  /**
   * What a subscription is to its subscriber.
   *
   * @param mayRepeat whether it would rather have a message twice than never: while the transport moves to another server,
   *     messages may come over both. Where there is a group, they never come twice
   * @param withoutIt what the application lacks if the broker refuses it, as a clause for the log; {@code null} if it is not
   *     ready then
   */
  record SubscribeOptions(boolean mayRepeat, @Nullable String withoutIt) {

    /** A message comes once, and the application is not ready without it. */
    public static final SubscribeOptions NEEDED = new SubscribeOptions(false, null);

    /** Returns whether the application is not ready without it. */
    public boolean isNeeded() {
      return withoutIt == null;
    }
  }

  /** Takes the messages of a subscription. */
  @FunctionalInterface
  interface Receiver {

    /**
     * Takes a message; called on a thread of the transport or of the publisher, and must not block.
     *
     * @param replies where a reply to this message goes
     */
    void receive(BrokerMessage message, ReplyPath replies);
  }

  /** The way back to the requester of one message: the way that the message came. Safe for use by many threads. */
  @FunctionalInterface
  interface ReplyPath {

    /**
     * Sends a reply at once.
     *
     * @param reply what to send; its subject is the reply-to of the request
     * @throws IllegalArgumentException if it has a malformed subject or header
     * @throws BrokerException if it is too large, or if there is no connection to the broker now
     */
    void send(BrokerMessage reply);

    /**
     * Sends a reply, and blocks while there is no connection to the broker.
     *
     * @param longestWait the longest wait for a connection
     * @see #send(BrokerMessage)
     */
    default void send(BrokerMessage reply, Duration longestWait) {
      Retry.within(longestWait, elapsed -> {
        send(reply);
        return true;
      });
    }
  }

  /** A subscription to the messages of some subjects. */
  interface Subscription extends AutoCloseable {

    /** Returns how many messages have come in and were not handed to the receiver yet. */
    long pending();

    /**
     * Stops the flow of messages and hands those under way to the receiver; afterwards it is called no more. Blocks no
     * longer than the timeout. Idempotent.
     *
     * @return whether all was handed over in time
     */
    boolean drain(Duration timeout);

    /** Ends the subscription at once; messages under way are lost. Idempotent. */
    @Override
    void close();
  }
}
