package dev.workloads.messaging;

import dev.workloads.messaging.BrokerException.Reason;
import dev.workloads.messaging.StreamProtocol.Credit;
import java.time.Duration;
import java.util.Iterator;
import java.util.NoSuchElementException;
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
  private final StreamParts parts = new StreamParts(WINDOW); // under the lock
  private long heardAt = begin; // under the lock

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
      if (parts.isEnded()) {
        return;
      }
      if (parts.isOfAnother(message)) {
        StreamProtocol.cancel(transport, message);
        return;
      }
      heardAt = System.nanoTime();
      parts.accept(message);
      if (parts.isEnded()) {
        ended();
      }
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  private void fail(String text, @Nullable Throwable cause) {
    parts.end(new BrokerException(Reason.TIMEOUT, text, cause));
    ended();
  }

  /** Called when nothing more is to come; tells a worker to stop that has not ended the stream itself. */
  private void ended() {
    BrokerException failure = parts.failure();
    BrokerMessage first = parts.first();
    if (failure != null && first != null && (failure.reason() == Reason.STREAM_BROKEN || failure.reason() == Reason.TIMEOUT)) {
      StreamProtocol.cancel(transport, first);
    }
    onEnd.run();
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
      while (parts.first() == null && !parts.isEnded()) {
        if (deadline - System.nanoTime() <= 0) {
          fail("no reply within " + timeouts.first().toMillis() + " ms", null);
        }
        await(deadline - System.nanoTime());
      }
      BrokerMessage first = parts.first();
      BrokerException failure = parts.failure();
      if (first == null) {
        throw failure == null ? new BrokerException(Reason.TIMEOUT, "the stream was closed") : failure;
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
        if (left <= 0) {
          return null;
        }
        awaitPart(left);
      }
      BrokerMessage part = parts.poll();
      BrokerException failure = parts.failure();
      if (part == null && failure != null) {
        throw failure;
      }
      grant();
      return part;
    } finally {
      lock.unlock();
    }
  }

  /** Returns whether all replies were read, and the stream has ended in order or was closed. */
  public boolean isEnded() {
    lock.lock();
    try {
      return parts.isEnded() && parts.failure() == null && parts.isEmpty();
    } finally {
      lock.unlock();
    }
  }

  /** Returns whether nothing is there to read and more may come; fails the stream if it is overdue. */
  private boolean isAwaited() {
    if (!parts.isEnded() && untilTotal() <= 0) {
      fail("the stream has not ended within " + timeouts.total().toMillis() + " ms", null);
    } else if (!parts.isEnded() && parts.isEmpty() && untilStall() <= 0) {
      fail("nothing was heard of the worker for " + timeouts.stall().toMillis() + " ms", null);
    }
    return parts.isEmpty() && !parts.isEnded();
  }

  private long untilTotal() {
    return timeouts.total().toNanos() - (System.nanoTime() - begin);
  }

  private long untilStall() {
    return timeouts.stall().toNanos() - (System.nanoTime() - heardAt);
  }

  private void awaitPart(long nanos) {
    long longest = Math.min(nanos, Math.min(untilTotal(), untilStall()));
    await(grant() ? longest : Math.min(longest, GRANT_RETRY.toNanos()));
  }

  private void await(long nanos) {
    try {
      changed.awaitNanos(nanos);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      fail("interrupted while waiting for the next reply", e);
    }
  }

  /** Lets the worker go on if half of what it may send is used up; returns whether nothing is left to grant. */
  private boolean grant() {
    Credit due = parts.dueGrant(WINDOW);
    if (due == null) {
      return true;
    }
    try {
      transport.publish(new BrokerMessage(String.valueOf(parts.control()), new byte[0])
          .withHeader(StreamProtocol.STREAM_HEADER, due.header()));
      parts.granted();
      return true;
    } catch (BrokerException | IllegalArgumentException e) {
      return false;
    }
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
        awaitPart(Long.MAX_VALUE);
      }
      BrokerException failure = parts.failure();
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
    BrokerMessage next = hasNext() ? poll(Duration.ZERO) : null;
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
      BrokerMessage first = parts.first();
      if (!parts.isEnded()) {
        parts.end(null);
        ended();
        if (first != null) {
          StreamProtocol.cancel(transport, first);
        }
      }
      parts.clear();
    } finally {
      lock.unlock();
    }
  }
}
