package dev.workloads.messaging.nats;

import dev.workloads.messaging.nats.NatsLinkState.Phase;
import java.time.Duration;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CopyOnWriteArrayList;

/**
 * All links that there are, the newest last, and what is subscribed to on them. Safe for use by many threads: the lock is
 * held for moments, never while anybody waits for a server.
 */
final class NatsLinks implements AutoCloseable {

  private final Set<NatsSubscription> subscriptions = new LinkedHashSet<>(); // under the lock
  private final List<NatsLink> links = new CopyOnWriteArrayList<>(); // a link is added under the lock
  private boolean closed; // under the lock

  /**
   * Adds a connected link, which gets all that is subscribed to from now on; returns what was subscribed to before.
   *
   * @throws CancellationException if all is closed
   */
  synchronized List<NatsSubscription> add(NatsLink link) {
    if (closed) {
      throw new CancellationException("closed");
    }
    links.add(link);
    return List.copyOf(subscriptions);
  }

  /** Subscribes on the link to what was subscribed to before, unless that has ended meanwhile. */
  synchronized void subscribe(NatsSubscription subscription, NatsLink link) {
    if (subscriptions.contains(subscription)) {
      link.subscribe(subscription);
    }
  }

  /** Adds a subscription; returns when the server knows it, if there is one to tell. */
  void add(NatsSubscription subscription) {
    NatsLink newest;
    synchronized (this) {
      if (closed) {
        throw new IllegalStateException("the messaging transport is closed");
      }
      subscriptions.add(subscription);
      newest = links.isEmpty() ? null : links.get(links.size() - 1);
      if (newest == null || newest.state().phase() == Phase.CLOSED) {
        return;
      }
      newest.subscribe(subscription);
    }
    newest.confirm();
  }

  /** Returns how many messages wait for the subscription's receiver. */
  long pending(NatsSubscription subscription) {
    return links.stream().mapToLong(link -> link.pending(subscription)).sum();
  }

  /** Ends a subscription, and hands what the servers have sent to its receiver; returns whether that was done in time. */
  boolean drain(NatsSubscription subscription, Duration timeout) {
    remove(subscription);
    long deadline = System.nanoTime() + timeout.toNanos();
    boolean drained = true;
    for (NatsLink link : links) {
      drained &= link.drain(subscription, Duration.ofNanos(deadline - System.nanoTime()));
    }
    return drained;
  }

  /** Ends a subscription at once. */
  void close(NatsSubscription subscription) {
    remove(subscription);
    links.forEach(link -> link.close(subscription));
  }

  private synchronized void remove(NatsSubscription subscription) {
    subscriptions.remove(subscription);
  }

  /** Ends the waits for replies whose time is over. */
  void endOverdueWaits() {
    links.forEach(NatsLink::endOverdueWaits);
  }

  int size() {
    return links.size();
  }

  /** Closes a link, whether it was added or not. */
  void close(NatsLink link) {
    link.close();
    links.remove(link);
  }

  /** Ends all subscriptions and closes all links. */
  @Override
  public void close() {
    synchronized (this) {
      closed = true;
      subscriptions.clear();
    }
    links.forEach(this::close);
  }
}
