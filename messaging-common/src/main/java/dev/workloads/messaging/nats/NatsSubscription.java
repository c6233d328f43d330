package dev.workloads.messaging.nats;

import dev.workloads.messaging.BrokerMessage;
import dev.workloads.messaging.MessageTransport;
import io.nats.client.Connection;
import io.nats.client.Dispatcher;
import io.nats.client.Message;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A subscription that the connector moves from one connection to the next. */
final class NatsSubscription implements MessageTransport.Subscription {

  private static final Logger log = LoggerFactory.getLogger(NatsSubscription.class);
  // Between socket and receiver. The receiver is quick, so this is no more than a pause of the JVM may pile up.
  private static final long MAX_PENDING_MESSAGES = 65_536;
  private static final long MAX_PENDING_BYTES = Math.max(4L << 20, Runtime.getRuntime().maxMemory() / 8);
  private static final Duration DRAIN_TIMEOUT = Duration.ofSeconds(2);

  private final NatsSubscriptions subscriptions;
  private final List<String> patterns;
  private final @Nullable String group;
  private final Consumer<BrokerMessage> receiver;
  // The last one, and those that are being left. Changed under the subscriptions' lock
  private volatile List<Attachment> attachments = List.of();

  NatsSubscription(NatsSubscriptions subscriptions, List<String> patterns, @Nullable String group,
      Consumer<BrokerMessage> receiver) {
    this.subscriptions = subscriptions;
    this.patterns = List.copyOf(patterns);
    this.group = group;
    this.receiver = receiver;
  }

  /** Subscribes on the connection; returns the attachments to former ones, which go on until they are drained. */
  List<Attachment> attach(Connection connection) {
    List<Attachment> former = attachments.stream().filter(attachment -> !attachment.isOver()).toList();
    if (group == null) {
      former.forEach(Attachment::drain); // two would get each message twice: rather a gap
    }
    // One dispatcher = one thread of jnats, which calls the receiver for one message after the other; in a move, there
    // are two for a while
    Dispatcher dispatcher = connection.createDispatcher(this::receive);
    dispatcher.setPendingLimits(MAX_PENDING_MESSAGES, MAX_PENDING_BYTES);
    for (String pattern : patterns) {
      if (group == null) {
        dispatcher.subscribe(pattern);
      } else {
        dispatcher.subscribe(pattern, group);
      }
    }
    attachments = Stream.concat(former.stream(), Stream.of(new Attachment(connection, dispatcher))).toList();
    return former;
  }

  List<Attachment> attachments() {
    return attachments;
  }

  @Override
  public long pending() {
    long pending = 0;
    for (Attachment attachment : attachments) {
      pending += attachment.dispatcher.getPendingMessageCount();
    }
    return pending;
  }

  @Override
  public boolean drain(Duration timeout) {
    long deadline = System.nanoTime() + timeout.toNanos();
    boolean drained = true;
    for (Attachment attachment : subscriptions.remove(this)) {
      drained &= attachment.drain(Duration.ofNanos(Math.max(1, deadline - System.nanoTime())));
    }
    return drained;
  }

  @Override
  public void close() {
    subscriptions.remove(this).forEach(Attachment::close);
  }

  @Override
  public String toString() {
    return patterns + (group == null ? "" : " in group " + group);
  }

  private void receive(Message message) {
    subscriptions.origins().received(message);
    try {
      receiver.accept(NatsMessages.toBrokerMessage(message));
    } catch (RuntimeException e) {
      log.error("The receiver of {} failed", this, e);
    }
  }

  /** The subscriptions on one connection. */
  record Attachment(Connection connection, Dispatcher dispatcher) {

    boolean isOver() {
      return !dispatcher.isActive();
    }

    /** Unsubscribes, and lets what the server has sent be received; blocks for up to two seconds. */
    void drain() {
      drain(DRAIN_TIMEOUT);
    }

    boolean drain(Duration timeout) {
      if (connection.getStatus() != Connection.Status.CONNECTED || isOver()) {
        close(); // jnats would wait for a connection first
        return true;
      }
      long deadline = System.nanoTime() + timeout.toNanos();
      try {
        CompletableFuture<Boolean> drained = dispatcher.drain(timeout); // waits for the server up to the timeout
        // When jnats gives up, it stops the dispatcher and then takes it for drained
        return drained.get(deadline - System.nanoTime(), TimeUnit.NANOSECONDS) && System.nanoTime() < deadline;
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        return false;
      } catch (ExecutionException | TimeoutException | IllegalStateException e) {
        log.warn("Could not drain a subscription: {}", e.toString());
        return false;
      }
    }

    void close() {
      try {
        if (!isOver()) {
          connection.closeDispatcher(dispatcher);
        }
      } catch (IllegalStateException | IllegalArgumentException e) {
        log.debug("Already closed: {}", e.toString());
      }
    }
  }
}
