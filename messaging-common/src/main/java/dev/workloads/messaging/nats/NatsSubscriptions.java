package dev.workloads.messaging.nats;

import dev.workloads.messaging.nats.NatsSubscription.Attachment;
import io.nats.client.Connection;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * The subscriptions of a transport, and the connection that all of them are on.
 *
 * <p>Threads: callers add and remove on their own ones, the connector moves on its own; a lock makes that one after the
 * other.
 */
final class NatsSubscriptions {

  private final Lock lock = new ReentrantLock();
  private final Set<NatsSubscription> subscriptions = new LinkedHashSet<>();
  private final NatsOrigins origins = new NatsOrigins();
  private @Nullable Connection connection;
  private boolean closed;

  /** Adds a subscription; returns the connection whose server has been sent it, or {@code null} if there is none yet. */
  @Nullable Connection add(NatsSubscription subscription) {
    lock.lock();
    try {
      if (closed) {
        throw new IllegalStateException("the messaging transport is closed");
      }
      subscriptions.add(subscription);
      if (connection == null || connection.getStatus() == Connection.Status.CLOSED) {
        return null;
      }
      subscription.attach(connection);
      return connection;
    } finally {
      lock.unlock();
    }
  }

  /** Removes a subscription; returns its attachments, which the caller ends. */
  List<Attachment> remove(NatsSubscription subscription) {
    lock.lock();
    try {
      return subscriptions.remove(subscription) ? subscription.attachments() : List.of();
    } finally {
      lock.unlock();
    }
  }

  /** Moves all to the connection; returns the former attachments, which go on until the caller drains them. */
  List<Attachment> moveTo(Connection next) {
    List<Attachment> former = new ArrayList<>();
    lock.lock();
    try {
      connection = next;
      subscriptions.forEach(subscription -> former.addAll(subscription.attach(next)));
    } finally {
      lock.unlock();
    }
    return former;
  }

  /** Returns where the requests of all subscriptions came in. */
  NatsOrigins origins() {
    return origins;
  }

  /** Forgets all, and takes no more. */
  void close() {
    lock.lock();
    try {
      closed = true;
      subscriptions.clear();
    } finally {
      lock.unlock();
    }
  }
}
