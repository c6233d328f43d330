package dev.workloads.messaging;

import dev.workloads.messaging.BrokerException.Reason;
import java.time.Duration;
import java.util.Objects;
import java.util.Optional;
import java.util.function.UnaryOperator;

/**
 * Sends requests and publishes messages. Blocks; safe for use by many threads.
 *
 * <p>A request that was provably not processed is tried again within the retry window. What may have been processed is
 * never sent twice.
 */
public final class MessagingClient {

  /** The header that tells a worker how many more milliseconds the requester waits. */
  public static final String REQUEST_TIMEOUT_HEADER = "Request-Timeout";

  private final MessageTransport transport;
  private final Duration retryWindow;
  private final BodyConverter converter;
  private final UnaryOperator<BrokerMessageHandler> around;

  /** Creates a client of bytes and text whose requests nobody observes. */
  public MessagingClient(MessageTransport transport, Duration retryWindow) {
    this(transport, retryWindow, BodyConverter.plain(), UnaryOperator.identity());
  }

  /**
   * Creates a client.
   *
   * @param retryWindow how long a request that was not processed is tried again; zero fails at once
   * @param converter for the bodies that are given and wanted as objects
   * @param around stands around each request, its tries included; it returns the reply, or throws what it is thrown
   */
  public MessagingClient(MessageTransport transport, Duration retryWindow, BodyConverter converter,
      UnaryOperator<BrokerMessageHandler> around) {
    if (retryWindow.isNegative()) {
      throw new IllegalArgumentException("the retry window must not be negative");
    }
    this.transport = transport;
    this.retryWindow = retryWindow;
    this.converter = converter;
    this.around = around;
  }

  /**
   * Sends a request and waits for its reply.
   *
   * @param subject the subject, without wildcards
   * @param body the payload; not changed afterwards
   * @param timeout the longest wait in all, tries included
   * @return the reply
   * @throws IllegalArgumentException if the subject is malformed or the timeout not positive
   * @throws BrokerException if there is no reply, or an error reply
   */
  public BrokerMessage request(String subject, byte[] body, Duration timeout) {
    return request(new BrokerMessage(subject, body), timeout);
  }

  /**
   * Sends a request with headers of its own and waits for its reply.
   *
   * @see #request(String, byte[], Duration)
   */
  public BrokerMessage request(BrokerMessage message, Duration timeout) {
    if (timeout.isNegative() || timeout.isZero()) {
      throw new IllegalArgumentException("the timeout must be positive");
    }
    Duration window = retryWindow.compareTo(timeout) < 0 ? retryWindow : timeout;
    try {
      return Objects.requireNonNull(around.apply(request ->
          Retry.within(window, elapsed -> requestOnce(request, timeout.minusNanos(elapsed)))).handle(message));
    } catch (RuntimeException e) {
      throw e;
    } catch (Exception e) {
      throw new IllegalStateException("a request throws no checked exception", e);
    }
  }

  /**
   * Sends an object as a request and waits for its reply.
   *
   * @param body what is sent, as {@link BodyConverter#write} converts it; of an {@code Optional} what it holds
   * @param replyType what the reply is read as
   * @throws BrokerException also {@link Reason#HANDLER_FAILED} if the reply cannot be read as that
   * @see #request(String, byte[], Duration)
   */
  public <T> T request(String subject, Object body, Class<T> replyType, Duration timeout) {
    BrokerMessage reply = request(message(subject, body), timeout);
    try {
      return converter.read(reply, replyType);
    } catch (MessageRejectedException e) {
      throw new BrokerException(Reason.HANDLER_FAILED, "the reply cannot be read: " + e.getMessage(), e);
    }
  }

  /**
   * Sends an object, as {@link BodyConverter#write} converts it, without waiting for anybody to receive it.
   *
   * @see #publish(BrokerMessage)
   */
  public void publish(String subject, Object body) {
    publish(message(subject, body));
  }

  /**
   * Sends a message without waiting for anybody to receive it.
   *
   * @throws IllegalArgumentException if the message has a malformed subject or header
   * @throws BrokerException if it is too large or the connection to the broker is down
   */
  public void publish(BrokerMessage message) {
    transport.publish(message);
    OwedReply.published(message.subject());
  }

  private BrokerMessage message(String subject, Object body) {
    if (body instanceof Optional<?> optional) {
      return optional.isPresent() ? message(subject, optional.get()) : new BrokerMessage(subject, new byte[0]);
    }
    return converter.write(subject, body);
  }

  private BrokerMessage requestOnce(BrokerMessage message, Duration remaining) {
    String millis = Long.toString(Math.max(1, remaining.toMillis()));
    BrokerMessage reply = transport.request(message.withHeader(REQUEST_TIMEOUT_HEADER, millis), remaining);
    ErrorReply error = ErrorReply.from(reply);
    if (error != null) {
      throw error.toException();
    }
    return reply;
  }
}
