package dev.workloads.messaging.nats;

import dev.workloads.messaging.MessageTransport;
import io.nats.client.Connection.Status;
import java.time.Duration;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CopyOnWriteArrayList;
import org.jspecify.annotations.Nullable;

/**
 * All links that there are, the newest last, and what is subscribed to on them. Safe for use by many threads: the lock is
 * held for moments, never while anybody waits for a server.
 */
final class NatsLinks implements AutoCloseable {

  private static final Duration DRAIN_TIMEOUT = Duration.ofSeconds(2);

  private final Set<NatsSubscription> subscriptions = new LinkedHashSet<>(); // under the lock
  private final List<NatsLink> links = new CopyOnWriteArrayList<>(); // a link is added under the lock
  private boolean closed; // under the lock

  /**
   * Adds a connected link and moves all that is subscribed to over to it; returns when the server knows that.
   *
   * @throws CancellationException if all is closed
   */
  void add(NatsLink next, NatsLink former) {
    if (former.isInboxSubscribed()) {
      next.subscribeInbox();
    }
    List<NatsSubscription> moving = add(next);
    moving.stream().filter(NatsSubscription::isNeeded).forEach(needed -> move(needed, former, next));
    next.confirm();
    // What is needed comes first, since the server may limit the number of subscriptions
    moving.stream().filter(other -> !other.isNeeded()).forEach(other -> move(other, former, next));
    next.confirm();
  }

  private synchronized List<NatsSubscription> add(NatsLink link) {
    if (closed) {
      throw new CancellationException("closed");
    }
    links.add(link); // and so it gets all that is subscribed to from now on
    return List.copyOf(subscriptions);
  }

  private void move(NatsSubscription subscription, NatsLink former, NatsLink next) {
    if (!subscription.overlaps()) {
      // A gap is better than each message twice. The lock is not held, so that nobody waits for it so long.
      former.drain(subscription, DRAIN_TIMEOUT);
    }
    synchronized (this) {
      if (subscriptions.contains(subscription)) { // it may have ended meanwhile
        next.subscribe(subscription);
      }
    }
  }

  /** Subscribes; returns when the server knows it, if there is one to tell. */
  MessageTransport.Subscription subscribe(NatsSubscription subscription) {
    NatsLink newest = add(subscription);
    if (newest != null) {
      newest.confirm();
    }
    return new LinksSubscription(this, subscription);
  }

  private synchronized @Nullable NatsLink add(NatsSubscription subscription) {
    if (closed) {
      throw new IllegalStateException("the messaging transport is closed");
    }
    subscriptions.add(subscription);
    NatsLink newest = links.isEmpty() ? null : links.get(links.size() - 1);
    if (newest != null && newest.status() != Status.CLOSED) { // its phase may not tell yet that it is connected
      newest.subscribe(subscription);
    }
    return newest;
  }

  private synchronized void remove(NatsSubscription subscription) {
    subscriptions.remove(subscription);
  }

  /** Ends the waits for replies whose time is over. */
  void endOverdueWaits() {
    links.forEach(link -> link.inbox().endOverdueWaits());
  }

  /** Returns how many links there are: the current one, and those replaced that still wait for replies. */
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

  /** One subscription on all links. */
  private record LinksSubscription(NatsLinks all, NatsSubscription subscription) implements MessageTransport.Subscription {

    @Override
    public long pending() {
      return all.links.stream().mapToLong(link -> link.pending(subscription)).sum();
    }

    @Override
    public boolean drain(Duration timeout) {
      all.remove(subscription);
      long deadline = System.nanoTime() + timeout.toNanos();
      boolean drained = true;
      for (NatsLink link : all.links) {
        drained &= link.drain(subscription, Duration.ofNanos(deadline - System.nanoTime()));
      }
      return drained;
    }

    @Override
    public void close() {
      all.remove(subscription);
      all.links.forEach(link -> link.close(subscription));
    }
  }
}
