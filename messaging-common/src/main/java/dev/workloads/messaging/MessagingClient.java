package dev.workloads.messaging;

import dev.workloads.messaging.BrokerException.Reason;
import java.time.Duration;
import java.util.Objects;
import java.util.Optional;
import java.util.Spliterator;
import java.util.Spliterators;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;

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
  private final ReplyStreams streams;

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
    this.streams = new ReplyStreams(transport);
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
    return observed(message, request ->
        Retry.within(window(timeout), elapsed -> requestOnce(request, timeout.minusNanos(elapsed))));
  }

  private Duration window(Duration timeout) {
    return retryWindow.compareTo(timeout) < 0 ? retryWindow : timeout;
  }

  private BrokerMessage observed(BrokerMessage message, BrokerMessageHandler requester) {
    try {
      return Objects.requireNonNull(around.apply(requester).handle(message));
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
    return read(request(message(subject, body), timeout), replyType);
  }

  private <T> T read(BrokerMessage reply, Class<T> type) {
    try {
      return converter.read(reply, type);
    } catch (MessageRejectedException e) {
      throw new BrokerException(Reason.HANDLER_FAILED, "the reply cannot be read: " + e.getMessage(), e);
    }
  }

  /**
   * Sends a request, and returns its replies, as many as the worker sends; a worker with one reply is a stream of one. Blocks
   * until the worker has it; only until then the request may be tried again.
   *
   * @return the replies, to be closed
   * @throws IllegalArgumentException if the message has a malformed subject or header
   * @throws BrokerException if the worker does not take the request, or rejects it before its first reply
   */
  public ReplyStream stream(BrokerMessage message, StreamTimeouts timeouts) {
    AtomicReference<ReplyStream> opened = new AtomicReference<>();
    observed(message, request -> {
      ReplyStream stream = Retry.within(window(timeouts.first()), elapsed -> {
        Duration remaining = timeouts.first().minusNanos(elapsed);
        return streams.open(timed(request, remaining), timeouts, remaining);
      });
      opened.set(stream);
      return stream.first(Duration.ZERO);
    });
    return Objects.requireNonNull(opened.get());
  }

  /**
   * Sends an object as a request, and returns its replies.
   *
   * @param body what is sent, as {@link BodyConverter#write} converts it; of an {@code Optional} what it holds
   * @param replyType what each reply is read as
   * @return the replies, to be closed; to read on may throw as {@link ReplyStream#poll} does
   * @see #stream(BrokerMessage, StreamTimeouts)
   */
  public <T> Stream<T> stream(String subject, Object body, Class<T> replyType, StreamTimeouts timeouts) {
    ReplyStream replies = stream(message(subject, body), timeouts);
    return StreamSupport.stream(Spliterators.spliteratorUnknownSize(replies, Spliterator.ORDERED | Spliterator.NONNULL), false)
        .map(reply -> read(reply, replyType)).onClose(replies::close);
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
    BrokerMessage reply = transport.request(timed(message, remaining), remaining);
    ErrorReply error = ErrorReply.from(reply);
    if (error != null) {
      throw error.toException();
    }
    return reply;
  }

  private static BrokerMessage timed(BrokerMessage message, Duration remaining) {
    return message.withHeader(REQUEST_TIMEOUT_HEADER, Long.toString(Math.max(1, remaining.toMillis())));
  }
}
