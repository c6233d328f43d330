package dev.workloads.messaging.listener;

import dev.workloads.messaging.BrokerException;
import dev.workloads.messaging.BrokerException.Reason;
import dev.workloads.messaging.BrokerMessage;
import dev.workloads.messaging.BrokerMessageHandler;
import dev.workloads.messaging.ErrorReply;
import dev.workloads.messaging.PublishedReplies;
import dev.workloads.messaging.Subjects;
import java.util.List;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Calls the handler for a message and sends the reply; answers, counts and logs what fails.
 *
 * <p>Called by many threads at once, each with a message of its own.
 */
final class MessageProcessor {

  private static final Logger log = LoggerFactory.getLogger(MessageListenerContainer.class);

  private final BrokerMessageHandler handler;
  private final UnaryOperator<BrokerMessageHandler> around;
  private final FailureLog failures;
  private final ListenerCounters counters = new ListenerCounters();
  private final List<EndpointStats> endpoints;
  private final boolean shared;

  MessageProcessor(BrokerMessageHandler handler, UnaryOperator<BrokerMessageHandler> around,
      ListenerSettings settings) {
    this.handler = handler;
    this.around = around;
    this.failures = new FailureLog(log, "listener " + settings.id());
    this.shared = settings.queueGroup() != null;
    this.endpoints = settings.subscriptions().stream().map(EndpointStats::new).toList();
  }

  ListenerCounters counters() {
    return counters;
  }

  List<EndpointStats> endpoints() {
    return endpoints;
  }

  /** Returns the handler with what stands around it. It logs what it throws, while its trace is the current one. */
  BrokerMessageHandler handler() {
    return around.apply(message -> handle(message, new Throwable[1]));
  }

  FailureLog failures() {
    return failures;
  }

  /** Answers that the worker is full, without waiting for a lost connection. */
  void refuse(Delivery delivery) {
    counters.shedMessages.increment();
    send(delivery, ErrorReply.full().toMessage(), delivery.replies()::send);
  }

  /** Answers a message that could not be handled, without waiting for a lost connection. */
  void fail(Delivery delivery, Throwable failure) {
    failures.failed(delivery.message(), failure);
    send(delivery, ErrorReply.of(failure).toMessage(), delivery.replies()::send);
  }

  /**
   * Calls the handler, unless the requester has given up, and sends its reply.
   *
   * @param sender sends the reply, or throws {@link BrokerException}
   */
  void process(Delivery delivery, Consumer<BrokerMessage> sender) {
    if (delivery.isExpired()) {
      counters.expiredMessages.increment();
      return;
    }
    BrokerMessage reply = call(delivery.message());
    if (reply != null) {
      send(delivery, reply, sender);
    }
  }

  private @Nullable BrokerMessage call(BrokerMessage message) {
    EndpointStats endpoint = endpoint(message.subject());
    Throwable[] logged = new Throwable[1];
    long start = System.nanoTime();
    try (PublishedReplies published = PublishedReplies.watch(message.replyTo())) {
      BrokerMessage reply = around.apply(observed -> handle(observed, logged)).handle(message);
      // Without a group every member gets each request, and most have nothing to say to it
      if (reply == null && message.replyTo() != null && shared && !published.any()) {
        counters.missingReplies.increment();
        failures.noReply(message);
      }
      return reply;
    } catch (Throwable e) { // whatever it is, the requester waits for an answer
      if (e != logged[0]) {
        failures.failed(message, e);
      }
      ErrorReply error = ErrorReply.of(e);
      endpoint.failed(error.text());
      return error.toMessage();
    } finally {
      endpoint.processed(System.nanoTime() - start);
      Thread.interrupted(); // must neither keep the reply from going out nor reach the transport's thread
    }
  }

  // Logs what the handler throws while its trace is the current one
  private @Nullable BrokerMessage handle(BrokerMessage message, Throwable[] logged) throws Exception {
    try {
      return handler.handle(message);
    } catch (Throwable e) {
      failures.failed(message, e);
      logged[0] = e;
      throw e;
    }
  }

  // Where patterns overlap the first one counts
  private EndpointStats endpoint(String subject) {
    for (EndpointStats endpoint : endpoints) {
      if (endpoints.size() == 1 || Subjects.matches(endpoint.pattern(), subject)) {
        return endpoint;
      }
    }
    return endpoints.get(0);
  }

  /** Sends a reply, or an error reply in its place if it can never be sent. */
  void send(Delivery delivery, BrokerMessage reply, Consumer<BrokerMessage> sender) {
    BrokerMessage message = delivery.message();
    if (message.replyTo() == null) {
      if (ErrorReply.from(reply) == null) {
        counters.missingReplyTos.increment();
        failures.notSent(message, "missing reply_to");
      }
      return;
    }
    BrokerMessage addressed = new BrokerMessage(message.replyTo(), reply.body(), null, reply.headers());
    try {
      sender.accept(addressed);
    } catch (BrokerException | IllegalArgumentException e) {
      ErrorReply instead = ErrorReply.from(reply) == null ? insteadOfReply(e) : null;
      if (instead == null) {
        lost(delivery, e);
      } else {
        failures.notSent(message, String.valueOf(e.getMessage()));
        send(delivery, instead.toMessage(), sender);
      }
    }
  }

  private static @Nullable ErrorReply insteadOfReply(RuntimeException failure) {
    if (failure instanceof BrokerException e) {
      return e.reason() == Reason.PAYLOAD_TOO_LARGE ? ErrorReply.tooLarge() : null;
    }
    return ErrorReply.of(failure); // a header that cannot be sent
  }

  /** Counts and logs a reply that was not sent. */
  void lost(Delivery delivery, Exception cause) {
    counters.lostReplies.increment();
    failures.notSent(delivery.message(), String.valueOf(cause.getMessage()));
  }
}
