package dev.workloads.messaging;

import dev.workloads.messaging.BrokerException.Reason;
import dev.workloads.messaging.StreamProtocol.Credit;
import java.util.ArrayDeque;
import java.util.Queue;
import org.jspecify.annotations.Nullable;

/**
 * What has come in of a stream, and what its worker may still send. Holds the worker to the protocol: no hole, no part too many,
 * the right number at the end. No I/O; for one thread at a time.
 */
final class StreamParts {

  private final Queue<BrokerMessage> parts = new ArrayDeque<>();
  private Credit granted; // what the worker may still send
  private Credit read = new Credit(0, 0); // what was read since the last grant
  private @Nullable String control; // where the worker hears; known from its first message on
  private @Nullable BrokerMessage first;
  private long received;
  private boolean ended;
  private @Nullable BrokerException failure; // why it has ended, if not in order

  /** Creates a stream whose worker may send so much at first. */
  StreamParts(Credit granted) {
    this.granted = granted;
  }

  /** Returns whether a message is of another worker than the first that has answered. */
  boolean isOfAnother(BrokerMessage message) {
    return control != null && message.replyTo() != null && !control.equals(message.replyTo());
  }

  /** Takes a message of the worker, or the broker's word that there is none. */
  void accept(BrokerMessage message) {
    ErrorReply error = ErrorReply.from(message);
    if (error != null) {
      end(error.toException());
    } else if (StreamProtocol.isNoResponders(message)) {
      end(new BrokerException(Reason.NO_RESPONDERS, "nobody is subscribed to the subject"));
    } else {
      first = first == null ? message : first;
      control = control == null ? StreamProtocol.control(message) : control;
      acceptPart(message);
    }
  }

  private void acceptPart(BrokerMessage message) {
    long part = StreamProtocol.number(message, StreamProtocol.PART_HEADER);
    long count = StreamProtocol.number(message, StreamProtocol.END_HEADER);
    if (count >= 0) {
      end(count == received ? null : broken("the worker sent " + count + " parts, " + received + " have come in"));
    } else if (part > received) { // one before comes twice while the transport moves to another server
      add(part, message);
    } else if (part < 0) {
      addOnly(message);
    }
  }

  private void add(long part, BrokerMessage message) {
    if (part > received + 1) {
      end(broken("part " + (received + 1) + " is missing"));
    } else if (!granted.isEnough()) {
      end(broken("the worker sends more than it may"));
    } else {
      received = part;
      granted = granted.minusPart(message.body().length);
      parts.add(message);
    }
  }

  // An ordinary reply is a stream of one part
  private void addOnly(BrokerMessage message) {
    if (received > 0) {
      end(broken("a message that is no part came in"));
    } else {
      received = 1;
      parts.add(message);
      end(null);
    }
  }

  private static BrokerException broken(String text) {
    return new BrokerException(Reason.STREAM_BROKEN, "the stream is broken: " + text);
  }

  /** Ends the stream: what has come in can still be read; then the failure is thrown if there is one. */
  void end(@Nullable BrokerException why) {
    ended = true;
    failure = why;
  }

  boolean isEnded() {
    return ended;
  }

  boolean isEmpty() {
    return parts.isEmpty();
  }

  /** Returns the worker's first message, whatever it was, or {@code null} if there was none. */
  @Nullable BrokerMessage first() {
    return first;
  }

  /** Returns the subject on which the worker hears, or {@code null} if it is not known. */
  @Nullable String control() {
    return control;
  }

  @Nullable BrokerException failure() {
    return failure;
  }

  /** Returns the next part, or {@code null} if none is there. */
  @Nullable BrokerMessage poll() {
    BrokerMessage part = parts.poll();
    if (part != null) {
      read = read.plus(new Credit(1, part.body().length));
    }
    return part;
  }

  /** Drops what was not read. */
  void clear() {
    parts.clear();
  }

  /** Returns what the worker is to be granted now that half of the window is used up, or {@code null} for nothing yet. */
  @Nullable Credit dueGrant(Credit window) {
    boolean isDue = read.parts() * 2 >= window.parts() || read.bytes() * 2 >= window.bytes();
    return isDue && !ended && control != null ? read : null;
  }

  /** Called when the due grant was sent. */
  void granted() {
    granted = granted.plus(read);
    read = new Credit(0, 0);
  }
}
