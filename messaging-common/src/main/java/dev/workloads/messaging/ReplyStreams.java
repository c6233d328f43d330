package dev.workloads.messaging;

import dev.workloads.messaging.MessageTransport.SubscribeOptions;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;

/**
 * The streams that one client reads. All have one subscription, which is made with the first and ends with the transport. Safe for
 * use by many threads.
 */
final class ReplyStreams {

  private static final int ID_BYTES = 16; // nobody guesses it, and writes into another's stream
  // A part that comes over two connections is taken once, since it has a number
  private static final SubscribeOptions OPTIONS = new SubscribeOptions(true, "no stream of replies arrives");

  private final MessageTransport transport;
  private final String prefix = StreamProtocol.REPLIES + id() + ".";
  private final AtomicLong last = new AtomicLong();
  private final Map<String, ReplyStream> open = new ConcurrentHashMap<>();
  private boolean subscribed; // under this

  ReplyStreams(MessageTransport transport) {
    this.transport = transport;
  }

  private static String id() {
    byte[] random = new byte[ID_BYTES];
    new SecureRandom().nextBytes(random);
    return Base64.getUrlEncoder().withoutPadding().encodeToString(random);
  }

  /**
   * Sends a request for a stream, and waits for the worker's first message.
   *
   * @param remaining the longest wait
   * @throws BrokerException if there is none, or an error reply
   */
  ReplyStream open(BrokerMessage request, StreamTimeouts timeouts, Duration remaining) {
    subscribe();
    String replyTo = prefix + Long.toString(last.incrementAndGet(), Character.MAX_RADIX);
    ReplyStream stream = new ReplyStream(transport, timeouts, () -> open.remove(replyTo));
    open.put(replyTo, stream);
    try {
      transport.publish(request.withReplyTo(replyTo)
          .withHeader(StreamProtocol.STREAM_HEADER, ReplyStream.WINDOW.header()));
      stream.first(remaining);
      return stream;
    } catch (Throwable e) { // nobody else closes the stream
      stream.close();
      throw e;
    }
  }

  private synchronized void subscribe() {
    if (!subscribed) {
      transport.subscribe(List.of(prefix + "*"), null, OPTIONS, (message, replies) -> receive(message));
      subscribed = true;
    }
  }

  private void receive(BrokerMessage message) {
    if (JetStreamAcknowledgement.isOne(message)) {
      return; // of a stream that covers the subject of the request
    }
    ReplyStream stream = open.get(message.subject());
    if (stream != null) {
      stream.receive(message);
    } else { // it has ended here, and its worker does not know
      StreamProtocol.cancel(transport, message);
    }
  }
}
