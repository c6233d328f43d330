package dev.workloads.messaging.inprocess;

import dev.workloads.messaging.BrokerMessage;
import dev.workloads.messaging.MessageTransport;
import dev.workloads.messaging.MessageTransport.Receiver;
import dev.workloads.messaging.MessageTransport.ReplyPath;
import dev.workloads.messaging.Subjects;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A subscription of the in-process transport. */
final class InProcessSubscription implements MessageTransport.Subscription {

  private static final Logger log = LoggerFactory.getLogger(InProcessSubscription.class);

  private final List<String> patterns;
  private final @Nullable String group;
  private final Receiver receiver;
  private final Consumer<InProcessSubscription> onEnd;
  // Publishers hold the read lock while they are in the receiver; drain takes the write lock to see them out
  private final ReadWriteLock delivery = new ReentrantReadWriteLock();
  private volatile boolean ended;

  InProcessSubscription(List<String> patterns, @Nullable String group, Receiver receiver,
      Consumer<InProcessSubscription> onEnd) {
    this.patterns = List.copyOf(patterns);
    this.group = group;
    this.receiver = receiver;
    this.onEnd = onEnd;
  }

  @Nullable String group() {
    return group;
  }

  boolean matches(String subject) {
    for (String pattern : patterns) {
      if (Subjects.matches(pattern, subject)) {
        return true;
      }
    }
    return false;
  }

  /** Calls the receiver, unless the subscription has ended. */
  boolean deliver(BrokerMessage message, ReplyPath replies) {
    delivery.readLock().lock();
    try {
      if (ended) {
        return false;
      }
      receiver.receive(message, replies);
    } catch (RuntimeException | Error e) { // it must not reach the publisher, whose thread this is
      log.error("The receiver of {} failed", patterns, e);
    } finally {
      delivery.readLock().unlock();
    }
    return true;
  }

  @Override
  public long pending() {
    return 0; // a publisher does not get on before the receiver has the message
  }

  @Override
  public boolean drain(Duration timeout) {
    close();
    try {
      if (!delivery.writeLock().tryLock(timeout.toNanos(), TimeUnit.NANOSECONDS)) {
        return false;
      }
      delivery.writeLock().unlock();
      return true;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return false;
    }
  }

  @Override
  public void close() {
    ended = true;
    onEnd.accept(this);
  }
}
