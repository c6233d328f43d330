package dev.workloads.messaging.listener;

import dev.workloads.messaging.BrokerException;
import dev.workloads.messaging.BrokerException.Reason;
import dev.workloads.messaging.BrokerMessage;
import dev.workloads.messaging.ErrorReply;
import dev.workloads.messaging.OwedReply;
import dev.workloads.messaging.Subjects;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.event.Level;

/**
 * Has a listener handle a message and sends the reply; answers and counts what fails.
 *
 * <p>Called by many threads at once, each with a message of its own.
 */
final class MessageProcessor {

  private final Listener listener;
  private final ListenerCounters counters = new ListenerCounters();
  private final List<EndpointStats> endpoints;

  MessageProcessor(Listener listener) {
    this.listener = listener;
    this.endpoints = listener.settings().subscriptions().stream().map(EndpointStats::new).toList();
  }

  ListenerCounters counters() {
    return counters;
  }

  List<EndpointStats> endpoints() {
    return endpoints;
  }

  /** Answers that the worker is full, without waiting for a lost connection. */
  void refuse(Delivery delivery) {
    counters.shedMessages.increment();
    send(delivery, ErrorReply.full().toMessage(), delivery.replies()::send);
  }

  /** Answers a message that could not be handled, without waiting for a lost connection. */
  void fail(Delivery delivery, Throwable failure) {
    listener.failures().failed(delivery.message(), failure);
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
    String outer = OwedReply.get();
    OwedReply.set(message.replyTo());
    long start = System.nanoTime();
    try {
      BrokerMessage reply = listener.handle(message);
      // Most of those who get a broadcast owe no reply
      if (reply == null && OwedReply.get() != null && listener.settings().queueGroup() != null) {
        counters.missingReplies.increment();
        listener.failures().log(Level.WARN, message, "A request was handled without a reply: its requester waits in vain. "
            + "Return one, or publish it to the reply-to on the handler's thread");
      }
      return reply;
    } catch (Throwable e) { // whatever it is, the requester waits for an answer
      ErrorReply error = ErrorReply.of(e);
      endpoint.failed(error.text());
      return error.toMessage();
    } finally {
      endpoint.processed(System.nanoTime() - start);
      OwedReply.set(outer);
      Thread.interrupted(); // an interrupt must neither keep the reply back nor reach the transport's thread
    }
  }

  // The first of the patterns that overlap counts
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
        listener.failures().notSent(message, "missing reply_to");
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
        listener.failures().notSent(message, String.valueOf(e.getMessage()));
        send(delivery, instead.toMessage(), sender);
      }
    }
  }

  private static @Nullable ErrorReply insteadOfReply(RuntimeException failure) {
    if (!(failure instanceof BrokerException e)) {
      return ErrorReply.of(failure); // a header of the reply cannot be sent
    }
    return e.reason() == Reason.PAYLOAD_TOO_LARGE ? ErrorReply.tooLarge() : null;
  }

  /** Counts and logs a reply that was not sent. */
  void lost(Delivery delivery, Exception cause) {
    counters.lostReplies.increment();
    listener.failures().notSent(delivery.message(), String.valueOf(cause.getMessage()));
  }
}
