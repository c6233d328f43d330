package dev.workloads.messaging.listener;

import dev.workloads.messaging.BrokerException;
import dev.workloads.messaging.BrokerException.Reason;
import dev.workloads.messaging.BrokerMessage;
import dev.workloads.messaging.BrokerMessageHandler;
import dev.workloads.messaging.ErrorReply;
import dev.workloads.messaging.MessageTransport;
import dev.workloads.messaging.MessagingClient;
import dev.workloads.messaging.MissingReplyToException;
import dev.workloads.messaging.Subjects;
import java.time.Duration;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;

/**
 * Calls the handler for one message, and answers, counts and logs what does not succeed.
 *
 * <p>Called by many threads at once, each with a message of its own.
 */
final class MessageProcessor {

  // How long a reply is kept for a requester that does not say how long it waits
  private static final Duration DEFAULT_PATIENCE = Duration.ofSeconds(5);

  private final MessageTransport transport;
  private final MessagingClient client;
  private final BrokerMessageHandler handler;
  private final UnaryOperator<BrokerMessageHandler> around;
  private final FailureLog failures;
  private final ListenerCounters counters = new ListenerCounters();
  private final List<EndpointStats> endpoints;

  MessageProcessor(MessageTransport transport, MessagingClient client, BrokerMessageHandler handler,
      ListenerSettings settings, UnaryOperator<BrokerMessageHandler> around) {
    this.transport = transport;
    this.client = client;
    this.handler = handler;
    this.around = around;
    this.failures = new FailureLog(settings.group());
    this.endpoints = settings.subscriptions().stream().map(EndpointStats::new).toList();
  }

  ListenerCounters counters() {
    return counters;
  }

  List<EndpointStats> endpoints() {
    return endpoints;
  }

  /** Returns whether the handler takes microseconds for the message and never waits. */
  boolean isNonBlocking(BrokerMessage message) {
    try {
      return handler.isNonBlocking(message);
    } catch (RuntimeException e) {
      failures.failed(message, e);
      return false;
    }
  }

  /** Answers that the worker is full. */
  void refuse(BrokerMessage message) {
    counters.shedMessages.increment();
    replyWithError(message, ErrorReply.full(), transport::publish);
  }

  /**
   * Calls the handler, unless the requester has given up.
   *
   * @param receivedAt when the message came in, by {@link System#nanoTime}
   */
  void process(BrokerMessage message, long receivedAt) {
    Duration patience = RequestTimeout.of(message);
    Duration left = patience == null ? DEFAULT_PATIENCE : patience.minusNanos(System.nanoTime() - receivedAt);
    if (left.isNegative()) {
      counters.expiredMessages.increment();
      return;
    }
    EndpointStats endpoint = endpoint(message.subject());
    long start = System.nanoTime();
    try {
      around.apply(observed -> handle(observed, left)).handle(message);
    } catch (Throwable e) { // logged and answered in handle()
      endpoint.failed(ErrorReply.of(e).text());
    } finally {
      endpoint.processed(System.nanoTime() - start);
    }
  }

  // Where patterns overlap the first one gets the credit
  private EndpointStats endpoint(String subject) {
    for (EndpointStats endpoint : endpoints) {
      if (endpoints.size() == 1 || Subjects.matches(endpoint.pattern(), subject)) {
        return endpoint;
      }
    }
    return endpoints.get(0);
  }

  /** Calls the handler; what it throws is logged, answered and thrown on, to be observed. */
  private void handle(BrokerMessage message, Duration left) throws Exception {
    if (message.replyTo() == null) {
      handleOneWay(message);
    } else {
      handleRequest(message, message.replyTo(), left);
    }
  }

  private void handleOneWay(BrokerMessage message) throws Exception {
    try {
      handler.handle(message);
    } catch (Throwable e) {
      if (e instanceof MissingReplyToException) {
        counters.missingReplyTos.increment();
      }
      failures.failed(message, e);
      throw e;
    }
  }

  private void handleRequest(BrokerMessage message, String replyTo, Duration left) throws Exception {
    try (MessagingClient.AwaitedReply reply = client.awaitReply(replyTo, left)) {
      try {
        handler.handle(message);
      } catch (Throwable e) {
        Thread.interrupted(); // a handler cut short by the end of the drain still gets its error reply out
        failed(message, e, reply);
        throw e;
      }
    }
  }

  private void failed(BrokerMessage message, Throwable failure, MessagingClient.AwaitedReply reply) {
    if (!reply.isSent() && failure instanceof BrokerException e && e.reason() == Reason.BROKER_UNAVAILABLE) {
      lost(message, e); // the reply waited for the connection as long as the requester did
      return;
    }
    failures.failed(message, failure);
    if (!reply.isSent()) {
      replyWithError(message, ErrorReply.of(failure), reply::send);
    }
  }

  private void replyWithError(BrokerMessage message, ErrorReply error, Consumer<BrokerMessage> sender) {
    if (message.replyTo() == null) {
      return;
    }
    try {
      sender.accept(error.toMessage(message.replyTo()));
    } catch (BrokerException | IllegalArgumentException e) { // no connection, or a reply-to that is no subject
      lost(message, e);
    }
  }

  private void lost(BrokerMessage message, Exception cause) {
    counters.lostReplies.increment();
    failures.lost(message, cause);
  }
}
