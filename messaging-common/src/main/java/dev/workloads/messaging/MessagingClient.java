package dev.workloads.messaging;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Stream;

/**
 * Sends requests and publishes messages. Blocks; safe for use by many threads.
 *
 * <p>What was provably not processed is tried again for a short while: a request within the retry window, the reply of a
 * handler for as long as its requester waits. What may have been processed is never sent twice.
 */
public final class MessagingClient {

  /** The header that tells a worker how many more milliseconds the requester waits. */
  public static final String REQUEST_TIMEOUT_HEADER = "Request-Timeout";

  private final MessageTransport transport;
  private final Duration retryWindow;
  private final RequestInterceptor interceptor;
  // By reply-to, which a foreign requester may use for several requests; one lives as long as the handler that owes it
  private final Map<String, List<AwaitedReply>> awaitedReplies = new ConcurrentHashMap<>();

  /**
   * Creates a client.
   *
   * @param retryWindow how long a request that was not processed is tried again; zero fails at once
   */
  public MessagingClient(MessageTransport transport, Duration retryWindow) {
    this(transport, retryWindow, (request, next) -> next.apply(request));
  }

  /**
   * Creates a client whose requests pass an interceptor.
   *
   * @see #MessagingClient(MessageTransport, Duration)
   */
  public MessagingClient(MessageTransport transport, Duration retryWindow, RequestInterceptor interceptor) {
    if (retryWindow.isNegative()) {
      throw new IllegalArgumentException("the retry window must not be negative");
    }
    this.transport = transport;
    this.retryWindow = retryWindow;
    this.interceptor = interceptor;
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
    return interceptor.intercept(message, intercepted ->
        Retry.within(window, elapsed -> requestOnce(intercepted, timeout.minusNanos(elapsed))));
  }

  /**
   * Sends a message without waiting for anybody to receive it. Only the reply that a handler of this process owes waits
   * for a lost connection to return, for as long as the requester waits.
   *
   * @throws IllegalArgumentException if the message has a malformed subject or header
   * @throws BrokerException if it is too large or the connection to the broker is down
   */
  public void publish(BrokerMessage message) {
    List<AwaitedReply> awaited = awaitedReplies.get(message.subject());
    if (awaited == null) {
      transport.publish(message);
    } else {
      mostLikely(awaited).send(message);
    }
  }

  // A handler mostly replies on the thread that it was called on
  private static AwaitedReply mostLikely(List<AwaitedReply> awaited) {
    for (AwaitedReply candidate : awaited) {
      if (candidate.thread == Thread.currentThread()) {
        return candidate;
      }
    }
    return awaited.get(0);
  }

  /**
   * Notes that a handler is about to work on a request; for the container that calls handlers, on the handler's thread.
   *
   * @param patience how much longer the requester waits
   * @return what knows whether the handler has replied; closed by the caller when the handler is done
   */
  public AwaitedReply awaitReply(String replyTo, Duration patience) {
    AwaitedReply awaited = new AwaitedReply(replyTo, patience);
    awaitedReplies.merge(replyTo, List.of(awaited),
        (others, added) -> Stream.concat(others.stream(), added.stream()).toList());
    return awaited;
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

  /** The reply that a handler owes to a requester. */
  public final class AwaitedReply implements AutoCloseable {

    private final String replyTo;
    private final Thread thread = Thread.currentThread();
    private final long deadline;
    private volatile boolean sent;

    private AwaitedReply(String replyTo, Duration patience) {
      this.replyTo = replyTo;
      this.deadline = System.nanoTime() + patience.toNanos();
    }

    /** Returns whether a reply was handed to the transport. */
    public boolean isSent() {
      return sent;
    }

    /** Sends the reply, waiting for a lost connection to return as long as the requester waits. */
    public void send(BrokerMessage reply) {
      Duration patience = Duration.ofNanos(Math.max(0, deadline - System.nanoTime()));
      Retry.within(patience, elapsed -> {
        transport.publish(reply);
        return sent = true;
      });
    }

    @Override
    public void close() {
      awaitedReplies.computeIfPresent(replyTo, (subject, awaited) -> {
        List<AwaitedReply> others = awaited.stream().filter(other -> other != this).toList();
        return others.isEmpty() ? null : others;
      });
    }
  }
}
