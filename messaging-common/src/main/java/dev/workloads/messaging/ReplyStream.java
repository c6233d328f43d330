package dev.workloads.messaging;

import dev.workloads.messaging.BrokerException.Reason;
import dev.workloads.messaging.StreamProtocol.Credit;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.Iterator;
import java.util.NoSuchElementException;
import java.util.Queue;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * The replies to one request, in the order in which the worker sent them, without holes. The worker is a little ahead: what it may
 * send is granted as the replies are read.
 *
 * <p>Read by one thread at a time; whoever has it closes it, which ends the worker's handler if it is still at work. The
 * transport's thread adds what comes in, no more than was granted.
 */
public final class ReplyStream implements Iterator<BrokerMessage>, AutoCloseable {

  /** How many bytes of replies a worker may be ahead of its reader; the last of them may be larger. */
  public static final int MAX_AHEAD = 256 * 1024;

  static final Credit WINDOW = new Credit(64, MAX_AHEAD);

  private static final Duration GRANT_RETRY = Duration.ofMillis(500);

  private final MessageTransport transport;
  private final StreamTimeouts timeouts;
  private final Runnable onEnd;
  private final long begin = System.nanoTime();
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();
  // All below under the lock
  private final Queue<BrokerMessage> parts = new ArrayDeque<>();
  private Credit granted = WINDOW; // what the worker may still send
  private Credit read = new Credit(0, 0); // what was read since the last grant
  private @Nullable String control; // where the worker hears; known from its first message on
  private @Nullable BrokerMessage first;
  private long received;
  private long heardAt = begin;
  private boolean ended;
  private @Nullable BrokerException failure; // why it has ended, if not in order

  /** Creates the stream of a request that is about to be sent; {@code onEnd} is called when nothing more is to come. */
  ReplyStream(MessageTransport transport, StreamTimeouts timeouts, Runnable onEnd) {
    this.transport = transport;
    this.timeouts = timeouts;
    this.onEnd = onEnd;
  }

  /** Takes a message to the stream's subject; called on the transport's thread, does not block. */
  void receive(BrokerMessage message) {
    lock.lock();
    try {
      if (!ended) {
        accept(message);
        changed.signalAll();
      }
    } finally {
      lock.unlock();
    }
  }

  private void accept(BrokerMessage message) {
    ErrorReply error = ErrorReply.from(message);
    if (error != null) {
      fail(error.toException());
    } else if (StreamProtocol.isNoResponders(message)) {
      fail(new BrokerException(Reason.NO_RESPONDERS, "nobody is subscribed to the subject"));
    } else if (isOfThisWorker(message)) {
      heardAt = System.nanoTime();
      first = first == null ? message : first;
      long part = StreamProtocol.number(message, StreamProtocol.PART_HEADER);
      long end = StreamProtocol.number(message, StreamProtocol.END_HEADER);
      if (end >= 0) {
        end(end);
      } else if (part > 0) {
        add(part, message);
      } else if (part < 0) {
        addOnly(message);
      }
    }
  }

  // The first worker that answers is the one; another's messages are nobody's, and it is told to stop
  private boolean isOfThisWorker(BrokerMessage message) {
    String from = message.replyTo();
    if (from == null || from.equals(control)) {
      return true;
    }
    if (control == null) {
      control = from.startsWith(StreamProtocol.CONTROL) ? from : null;
      return true;
    }
    cancel(transport, from);
    return false;
  }

  private void end(long parts) {
    if (parts == received) {
      end((BrokerException) null);
    } else {
      fail(broken("the worker sent " + parts + " parts, " + received + " have come in"));
    }
  }

  private void add(long part, BrokerMessage message) {
    if (part <= received) {
      return; // it comes twice while the transport moves to another server
    }
    if (part > received + 1) {
      fail(broken("part " + (received + 1) + " is missing"));
    } else if (!granted.isEnough()) {
      fail(broken("the worker sends more than it may"));
    } else {
      received = part;
      granted = granted.minusPart(message.body().length);
      parts.add(message);
    }
  }

  // An ordinary reply is a stream of one part
  private void addOnly(BrokerMessage message) {
    if (received > 0) {
      fail(broken("a message that is no part came in"));
    } else {
      received = 1;
      parts.add(message);
      end((BrokerException) null);
    }
  }

  private static BrokerException broken(String text) {
    return new BrokerException(Reason.STREAM_BROKEN, "the stream is broken: " + text);
  }

  private void fail(BrokerException why) {
    if (why.reason() == Reason.STREAM_BROKEN || why.reason() == Reason.TIMEOUT) {
      tellToStop();
    }
    end(why);
  }

  private void end(@Nullable BrokerException why) {
    ended = true;
    failure = why;
    onEnd.run();
  }

  private void tellToStop() {
    if (control != null) {
      cancel(transport, control);
    }
  }

  /** Tells the worker of a stream to stop, if its messages have a reply-to for that. */
  static void cancel(MessageTransport transport, @Nullable String control) {
    if (control == null || !control.startsWith(StreamProtocol.CONTROL)) {
      return;
    }
    try {
      transport.publish(new BrokerMessage(control, new byte[0])
          .withHeader(StreamProtocol.STREAM_HEADER, StreamProtocol.CANCEL));
    } catch (BrokerException | IllegalArgumentException e) {
      // Its next part finds nobody, or it gets no more credit
    }
  }

  /**
   * Waits for the worker's first message, whatever it is.
   *
   * @throws BrokerException if there is none, or if it says why there will be no replies
   */
  BrokerMessage first(Duration timeout) {
    lock.lock();
    try {
      long deadline = System.nanoTime() + timeout.toNanos();
      while (first == null && !ended) {
        if (!await(deadline - System.nanoTime())) {
          fail(new BrokerException(Reason.TIMEOUT, "no reply within " + timeouts.first().toMillis() + " ms"));
        }
      }
      if (first == null) {
        throw failure == null ? closed() : failure;
      }
      return first;
    } finally {
      lock.unlock();
    }
  }

  /**
   * Returns the next reply, or {@code null} if none comes in the time or there are no more.
   *
   * @param longest the longest wait
   * @throws BrokerException if the stream has failed: {@code STREAM_BROKEN} if replies are missing, {@code TIMEOUT} if the
   *     worker is not heard of any more or the stream takes too long; interrupted callers get it, too, and keep their flag
   */
  public @Nullable BrokerMessage poll(Duration longest) {
    lock.lock();
    try {
      long deadline = System.nanoTime() + longest.toNanos();
      while (isAwaited()) {
        long left = deadline - System.nanoTime();
        long wait = Math.min(left, untilTimeout());
        if (left <= 0) {
          return null;
        }
        await(grant() ? wait : Math.min(wait, GRANT_RETRY.toNanos()));
      }
      BrokerMessage part = parts.poll();
      if (part != null) {
        read = read.plus(new Credit(1, part.body().length));
        grant();
      } else if (failure != null) {
        throw failure;
      }
      return part;
    } finally {
      lock.unlock();
    }
  }

  /** Returns whether all replies were read, and the stream has ended in order or was closed. */
  public boolean isEnded() {
    lock.lock();
    try {
      return ended && failure == null && parts.isEmpty();
    } finally {
      lock.unlock();
    }
  }

  /** Returns whether time is left before the wait, and waits; {@code false} if the time is over. */
  private boolean await(long nanos) {
    try {
      return nanos > 0 && changed.awaitNanos(nanos) > 0;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      fail(new BrokerException(Reason.TIMEOUT, "interrupted while waiting for the next reply", e));
      return true;
    }
  }

  private long untilTimeout() {
    return Math.min(untilTotal(), untilStall());
  }

  private long untilTotal() {
    return timeouts.total().toNanos() - (System.nanoTime() - begin);
  }

  private long untilStall() {
    return timeouts.stall().toNanos() - (System.nanoTime() - heardAt);
  }

  /** Returns whether nothing is there to read and more may come; fails the stream if it is overdue. */
  private boolean isAwaited() {
    if (!ended && untilTotal() <= 0) {
      fail(new BrokerException(Reason.TIMEOUT,
          "the stream has not ended within " + timeouts.total().toMillis() + " ms"));
    } else if (!ended && parts.isEmpty() && untilStall() <= 0) {
      fail(new BrokerException(Reason.TIMEOUT,
          "nothing was heard of the worker for " + timeouts.stall().toMillis() + " ms"));
    }
    return parts.isEmpty() && !ended;
  }

  /** Lets the worker go on if half of what it may send is used up; returns whether nothing is left to grant. */
  private boolean grant() {
    boolean isDue = read.parts() * 2 >= WINDOW.parts() || read.bytes() * 2 >= WINDOW.bytes();
    if (!isDue || ended || control == null) {
      return true;
    }
    try {
      transport.publish(new BrokerMessage(control, new byte[0]).withHeader(StreamProtocol.STREAM_HEADER, read.header()));
      granted = granted.plus(read);
      read = new Credit(0, 0);
      return true;
    } catch (BrokerException | IllegalArgumentException e) {
      return false;
    }
  }

  private static BrokerException closed() {
    return new BrokerException(Reason.TIMEOUT, "the stream was closed");
  }

  /**
   * Returns whether there is another reply; blocks for it.
   *
   * @throws BrokerException as {@link #poll} does
   */
  @Override
  public boolean hasNext() {
    lock.lock();
    try {
      while (isAwaited()) {
        await(grant() ? untilTimeout() : GRANT_RETRY.toNanos());
      }
      if (parts.isEmpty() && failure != null) {
        throw failure;
      }
      return !parts.isEmpty();
    } finally {
      lock.unlock();
    }
  }

  /**
   * Returns the next reply; blocks for it.
   *
   * @throws BrokerException as {@link #poll} does
   * @throws NoSuchElementException if there are no more
   */
  @Override
  public BrokerMessage next() {
    if (!hasNext()) {
      throw new NoSuchElementException("the stream has ended");
    }
    BrokerMessage next = poll(Duration.ZERO);
    if (next == null) {
      throw new NoSuchElementException("the stream has ended");
    }
    return next;
  }

  /** Ends the stream; the worker's handler is interrupted if it is still at work. Idempotent. */
  @Override
  public void close() {
    lock.lock();
    try {
      if (!ended) {
        tellToStop();
        end((BrokerException) null);
      }
      parts.clear();
    } finally {
      lock.unlock();
    }
  }
}
