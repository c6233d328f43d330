package dev.workloads.messaging.nats;

import dev.workloads.messaging.BrokerException;
import dev.workloads.messaging.BrokerException.Reason;
import dev.workloads.messaging.BrokerMessage;
import dev.workloads.messaging.JetStreamAcknowledgement;
import io.nats.client.Message;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Consumer;
import java.util.function.Predicate;
import java.util.stream.Stream;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Waits for the replies to the requests of one link. Safe for use by many threads.
 *
 * <p>jnats has an inbox of its own, which takes the first message for the reply, also one that is none: the acknowledgement
 * of a stream that covers the subject, which mostly comes before the worker's reply.
 *
 * <p>The waits are not timed, since that makes a virtual thread wake the JDK's timer thread each time: it cost 12 of 58
 * microseconds of CPU a request. Whoever owns the link ends those whose time is over.
 */
final class NatsInbox {

  private static final Logger log = LoggerFactory.getLogger(NatsInbox.class);
  private static final int NO_RESPONDERS = 503;
  // A message with one of these asks a stream to keep it: the stream's acknowledgement alone is the reply
  private static final List<String> STREAM_HEADERS = List.of("Nats-Msg-Id", "Nats-Expected-Last-Subject-Sequence");
  // Also what servers to come may say; a worker that listens to the subject as well mostly says something else
  private static final List<byte[]> STREAM_ANSWERS = Stream.of("{\"stream\":\"", "{\"error\":{")
      .map(begin -> begin.getBytes(StandardCharsets.UTF_8)).toList();
  private static final AtomicBoolean WARNED = new AtomicBoolean();

  private final String prefix;
  private final AtomicLong lastToken = new AtomicLong();
  private final Map<String, Wait> waits = new ConcurrentHashMap<>();

  /** Creates an inbox for all subjects that begin with the prefix. */
  NatsInbox(String prefix) {
    this.prefix = prefix;
  }

  /** Returns the pattern to subscribe to. */
  String pattern() {
    return prefix + "*";
  }

  /**
   * Sends a request and blocks for its reply.
   *
   * @param message the request; one with a header for a stream is answered by the stream
   * @param send sends the request with the reply-to that it is given
   * @throws BrokerException if there is no reply; the thread's interrupt flag ends the wait and is kept
   */
  BrokerMessage request(BrokerMessage message, Duration timeout, Consumer<String> send) {
    if (Thread.currentThread().isInterrupted()) {
      throw new BrokerException(Reason.TIMEOUT, "interrupted before the request was sent");
    }
    String replyTo = prefix + Long.toString(lastToken.incrementAndGet(), Character.MAX_RADIX);
    Wait wait = new Wait(message, timeout);
    waits.put(replyTo, wait);
    try {
      send.accept(replyTo);
      return reply(wait, timeout);
    } finally {
      waits.remove(replyTo);
    }
  }

  private static BrokerMessage reply(Wait wait, Duration timeout) {
    try {
      Object outcome = wait.get();
      if (outcome instanceof Message reply) {
        return NatsMessages.toBrokerMessage(reply);
      }
      throw failure((Reason) outcome, wait.subject, timeout);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new BrokerException(Reason.TIMEOUT, "interrupted while waiting for the reply", e);
    } catch (ExecutionException e) {
      throw new BrokerException(Reason.TIMEOUT, "closed while waiting for the reply", e);
    }
  }

  private static BrokerException failure(Reason reason, String subject, Duration timeout) {
    return switch (reason) {
      case NO_RESPONDERS -> new BrokerException(reason, "nobody is subscribed to " + subject);
      case BROKER_UNAVAILABLE -> BrokerException.refused("the message broker does not let messages be sent to " + subject);
      default -> new BrokerException(reason, "no reply within " + timeout.toMillis() + " ms");
    };
  }

  /** Takes a message to the inbox; called on the thread of its dispatcher. */
  void receive(Message message) {
    Wait wait = waits.get(message.getSubject());
    if (wait == null) {
      return; // it is late
    }
    if (message.isStatusMessage() && message.getStatus().getCode() == NO_RESPONDERS) {
      wait.complete(Reason.NO_RESPONDERS);
    } else if (wait.forStream ? isOfAStream(message) : message.hasHeaders() || !JetStreamAcknowledgement.isOne(message.getData())) {
      wait.complete(message);
    } else if (!wait.forStream && WARNED.compareAndSet(false, true)) {
      log.warn("A JetStream stream covers the subject of a request; its acknowledgement is not taken for the reply: {}. "
          + "Create the stream with --no-ack, or on other subjects",
          new String(message.getData(), StandardCharsets.UTF_8));
    }
  }

  private static boolean isOfAStream(Message message) {
    return STREAM_ANSWERS.stream().anyMatch(begin -> Arrays.mismatch(message.getData(), begin) == begin.length);
  }

  /** Ends the waits for replies from the subject: the server lets no message be sent to it. */
  void refused(String subject) {
    end(Reason.BROKER_UNAVAILABLE, wait -> wait.subject.equals(subject));
  }

  /** Returns whether anybody waits for a reply. */
  boolean isAwaitingReplies() {
    return !waits.isEmpty();
  }

  /** Ends the waits whose time is over. */
  void endOverdueWaits() {
    long now = System.nanoTime();
    end(Reason.TIMEOUT, wait -> now - wait.deadline >= 0);
  }

  private void end(Reason reason, Predicate<Wait> which) {
    waits.values().stream().filter(which).forEach(wait -> wait.complete(reason));
  }

  /** Ends all waits. */
  void close() {
    waits.values().forEach(wait -> wait.completeExceptionally(new IllegalStateException("closed")));
  }

  /** Completed by a message, or by the reason why there is none. */
  private static final class Wait extends CompletableFuture<Object> {

    private final String subject;
    private final boolean forStream;
    private final long deadline;

    private Wait(BrokerMessage message, Duration timeout) {
      this.subject = message.subject();
      this.forStream = STREAM_HEADERS.stream().anyMatch(message.headers()::containsKey);
      this.deadline = System.nanoTime() + timeout.toNanos();
    }
  }
}
