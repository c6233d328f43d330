package dev.workloads.messaging.stream;

import dev.workloads.messaging.BrokerException;
import dev.workloads.messaging.BrokerMessage;
import dev.workloads.messaging.MessagingClient;
import dev.workloads.messaging.ReplySink;
import dev.workloads.messaging.RequesterGoneException;
import dev.workloads.messaging.Retry;
import dev.workloads.messaging.StreamProtocol;
import dev.workloads.messaging.StreamProtocol.Credit;
import java.time.Duration;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * Sends the replies of one handler call, as far as the requester lets it.
 *
 * <p>Threads: the handler's thread sends parts and the end, a timer's thread says that the handler is at work, and the transport's
 * thread brings what the requester says. Nobody publishes under the lock: in process, the requester is called by that, and may
 * answer at once.
 */
final class StreamSender implements ReplySink<BrokerMessage>, AutoCloseable {

  private static final byte[] EMPTY = {};

  private final MessagingClient client;
  private final String replies;
  private final String control;
  private final Duration stall;
  private final Thread thread = Thread.currentThread();
  private final Runnable onClose;
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();
  private long sent; // by the handler's thread only
  private Credit credit; // under the lock, as all below
  private @Nullable String whyGone;
  private boolean toldToStop;
  private boolean closed;

  /**
   * Creates a sender for the handler that this thread is about to call.
   *
   * @param client notes that the handler has answered when it publishes
   * @param replies the subject of the parts
   * @param control the subject on which the requester is heard
   * @param stall how long a handler waits for a requester that does not read, and for a lost connection
   */
  StreamSender(MessagingClient client, String replies, String control, Credit credit, Duration stall, Runnable onClose) {
    this.client = client;
    this.replies = replies;
    this.control = control;
    this.credit = credit;
    this.stall = stall;
    this.onClose = onClose;
  }

  /** Says that the handler is at work; called on any thread. */
  void keepAlive() {
    client.publish(message(EMPTY, StreamProtocol.PART_HEADER, 0));
  }

  private BrokerMessage message(byte[] body, String header, long number) {
    return new BrokerMessage(replies, body).withReplyTo(control).withHeader(header, Long.toString(number));
  }

  @Override
  public void send(BrokerMessage part) {
    if (part.body().length == 0) {
      return;
    }
    awaitCredit(part.body().length);
    BrokerMessage message = new BrokerMessage(replies, part.body(), control, part.headers())
        .withHeader(StreamProtocol.PART_HEADER, Long.toString(sent + 1));
    publish(message);
    sent++;
  }

  /** Says that there are no more replies; from now on none can be sent. */
  void end() {
    lock.lock();
    try {
      requireRequester();
      closed = true;
    } finally {
      lock.unlock();
    }
    publish(message(EMPTY, StreamProtocol.END_HEADER, sent));
  }

  private void publish(BrokerMessage message) {
    Retry.within(stall, elapsed -> {
      client.publish(message);
      return true;
    });
  }

  private void requireRequester() {
    lock.lock();
    try {
      if (whyGone != null) {
        throw new RequesterGoneException(whyGone);
      }
      if (closed) {
        throw new IllegalStateException("the handler has returned: its replies have come to their end");
      }
    } finally {
      lock.unlock();
    }
  }

  private void awaitCredit(int size) {
    long deadline = System.nanoTime() + stall.toNanos();
    lock.lock();
    try {
      requireNotInterrupted();
      while (!credit.isEnough()) {
        long left = deadline - System.nanoTime();
        if (left <= 0) {
          whyGone = "the requester has read nothing for " + stall.toMillis() + " ms";
        }
        awaitChange(left);
      }
      credit = credit.minusPart(size);
    } finally {
      lock.unlock();
    }
  }

  private void awaitChange(long nanos) {
    try {
      changed.awaitNanos(nanos);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    requireNotInterrupted();
  }

  private void requireNotInterrupted() {
    requireRequester();
    if (Thread.currentThread().isInterrupted()) {
      throw new BrokerException(BrokerException.Reason.TIMEOUT, "interrupted while replies were sent");
    }
  }

  /** Takes what comes to the control subject; called on the transport's thread, does not block. */
  void receive(BrokerMessage message) {
    String said = message.header(StreamProtocol.STREAM_HEADER);
    Credit more = Credit.parse(said);
    lock.lock();
    try {
      if (StreamProtocol.CANCEL.equals(said) || StreamProtocol.isNoResponders(message)) {
        requesterGone();
      } else if (more != null) {
        credit = credit.plus(more);
      }
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  // Not after the handler has returned: then the thread does something else
  private void requesterGone() {
    if (!toldToStop && !closed) {
      toldToStop = true;
      whyGone = "nobody takes the replies any more";
      thread.interrupt();
    }
  }

  /** Returns whether nobody wants to hear how the stream ends. */
  boolean isToldToStop() {
    lock.lock();
    try {
      return toldToStop;
    } finally {
      lock.unlock();
    }
  }

  /** Ends the stream at the end of its handler, whose thread is not interrupted any more. */
  @Override
  public void close() {
    lock.lock();
    try {
      closed = true;
    } finally {
      lock.unlock();
    }
    onClose.run();
  }
}
