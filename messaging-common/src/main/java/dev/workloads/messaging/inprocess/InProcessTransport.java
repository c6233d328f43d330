package dev.workloads.messaging.inprocess;

import dev.workloads.messaging.BrokerException;
import dev.workloads.messaging.BrokerException.Reason;
import dev.workloads.messaging.BrokerMessage;
import dev.workloads.messaging.MessageTransport;
import dev.workloads.messaging.StreamProtocol;
import dev.workloads.messaging.Subjects;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * Carries messages within the process, with the semantics of NATS: wildcards, queue groups, no responders, size limit.
 *
 * <p>Receivers are called on the publisher's thread; the transport has neither threads nor queues of its own.
 */
public final class InProcessTransport implements MessageTransport {

  /** The default limit of a NATS server, 1 MiB. */
  public static final long DEFAULT_MAX_PAYLOAD = 1024 * 1024;

  private final long maxPayload;
  private final List<InProcessSubscription> subscriptions = new CopyOnWriteArrayList<>();
  // Each waiting request has one entry, which the requester's own thread removes
  private final Map<String, CompletableFuture<BrokerMessage>> inboxes = new ConcurrentHashMap<>();
  private final AtomicLong lastInbox = new AtomicLong();
  private volatile boolean closed;

  public InProcessTransport() {
    this(DEFAULT_MAX_PAYLOAD);
  }

  /**
   * Creates a transport.
   *
   * @param maxPayload the limit for body and headers of a message, in bytes
   */
  public InProcessTransport(long maxPayload) {
    this.maxPayload = maxPayload;
  }

  @Override
  public void publish(BrokerMessage message) {
    requireOpen();
    message.requireSendable(maxPayload);
    CompletableFuture<BrokerMessage> inbox = inboxes.get(message.subject());
    if (inbox != null) {
      inbox.complete(message);
    }
    if (!deliver(message) && inbox == null && message.replyTo() != null) {
      deliver(StreamProtocol.noResponders(message.replyTo()));
    }
  }

  @Override
  public BrokerMessage request(BrokerMessage message, Duration timeout) {
    requireOpen();
    message.requireSendable(maxPayload);
    String inbox = "_INBOX." + lastInbox.incrementAndGet();
    CompletableFuture<BrokerMessage> reply = new CompletableFuture<>();
    inboxes.put(inbox, reply);
    try {
      if (!deliver(new BrokerMessage(message.subject(), message.body(), inbox, message.headers()))) {
        throw new BrokerException(Reason.NO_RESPONDERS, "nobody is subscribed to " + message.subject());
      }
      return await(reply, timeout);
    } finally {
      inboxes.remove(inbox);
    }
  }

  private BrokerMessage await(CompletableFuture<BrokerMessage> reply, Duration timeout) {
    if (closed) {
      reply.cancel(false);
    }
    try {
      return reply.get(timeout.toNanos(), TimeUnit.NANOSECONDS);
    } catch (TimeoutException e) {
      throw new BrokerException(Reason.TIMEOUT, "no reply within " + timeout.toMillis() + " ms", e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new BrokerException(Reason.TIMEOUT, "interrupted while waiting for the reply", e);
    } catch (CancellationException | ExecutionException e) {
      throw new BrokerException(Reason.TIMEOUT, "closed while waiting for the reply", e);
    }
  }

  @Override
  public long maxPayload() {
    return maxPayload;
  }

  @Override
  public Subscription subscribe(List<String> patterns, @Nullable String group, SubscribeOptions options,
      Receiver receiver) {
    Subjects.requireSubscription(patterns, group);
    InProcessSubscription subscription = new InProcessSubscription(patterns, group, receiver, subscriptions::remove);
    subscriptions.add(subscription);
    if (closed) {
      subscription.close();
      throw new IllegalStateException("the messaging transport is closed");
    }
    return subscription;
  }

  @Override
  public boolean isReady() {
    return !closed;
  }

  @Override
  public void close() {
    closed = true;
    subscriptions.forEach(InProcessSubscription::close);
    inboxes.values().forEach(reply -> reply.cancel(false));
  }

  /**
   * Hands the message to every plain subscription and to one member of each queue group: at random, as a NATS server does. A
   * member that is just ending leaves the message to the next.
   */
  private boolean deliver(BrokerMessage message) {
    List<InProcessSubscription> shuffled = new ArrayList<>(subscriptions);
    Collections.shuffle(shuffled);
    Set<String> served = new HashSet<>();
    boolean delivered = false;
    for (InProcessSubscription subscription : shuffled) {
      String group = subscription.group();
      if ((group == null || !served.contains(group)) && subscription.matches(message.subject())
          && subscription.deliver(message, this::publish)) {
        delivered = true;
        if (group != null) {
          served.add(group);
        }
      }
    }
    return delivered;
  }

  private void requireOpen() {
    if (closed) {
      throw new BrokerException(Reason.BROKER_UNAVAILABLE, "the messaging transport is closed");
    }
  }
}
