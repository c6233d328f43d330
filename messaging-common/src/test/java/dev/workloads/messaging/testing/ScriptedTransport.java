package dev.workloads.messaging.testing;

import dev.workloads.messaging.BrokerException;
import dev.workloads.messaging.BrokerException.Reason;
import dev.workloads.messaging.BrokerMessage;
import dev.workloads.messaging.MessageTransport;
import java.time.Duration;
import java.util.List;
import java.util.Objects;
import java.util.Queue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/** A transport that does what the test says, also what ours would refuse, or do only where something is broken. */
public final class ScriptedTransport implements MessageTransport {

  private final Queue<BrokerMessage> tries = new ConcurrentLinkedQueue<>();
  private final Queue<Duration> timeouts = new ConcurrentLinkedQueue<>();
  private final BlockingQueue<BrokerMessage> sent = new LinkedBlockingQueue<>();
  private volatile UnaryOperator<BrokerMessage> script = message -> message;
  private volatile @Nullable Receiver receiver;
  private volatile long pending;
  private volatile boolean failingDrains;

  /** Sets what each message from now on is answered with if it is a request, or fails with. */
  public void answer(UnaryOperator<BrokerMessage> script) {
    tries.clear();
    this.script = script;
  }

  /** Lets the next messages fail, so many of them. */
  public ScriptedTransport failing(Reason reason, int times) {
    AtomicInteger left = new AtomicInteger(times);
    answer(message -> {
      if (left.getAndDecrement() > 0) {
        throw new BrokerException(reason, "scripted");
      }
      return message;
    });
    return this;
  }

  /** Returns the requests, publishes and replies since the script was set, with those that failed. */
  public List<BrokerMessage> tries() {
    return List.copyOf(tries);
  }

  /** Returns how long each request was to wait. */
  public List<Duration> timeouts() {
    return List.copyOf(timeouts);
  }

  /** Returns the publishes and replies that did not fail. */
  public BlockingQueue<BrokerMessage> sent() {
    return sent;
  }

  /** Hands the message to the last one that has subscribed, on this thread. */
  public void receive(BrokerMessage message) {
    receive(message, this::publish);
  }

  /** Hands the message to the last one that has subscribed, on this thread. */
  public void receive(BrokerMessage message, ReplyPath replies) {
    Objects.requireNonNull(receiver).receive(message, replies);
  }

  /** Sets how many messages wait for the receiver. */
  public void pending(long pending) {
    this.pending = pending;
  }

  /** Lets each drain fail. */
  public ScriptedTransport failingDrains() {
    failingDrains = true;
    return this;
  }

  @Override
  public void publish(BrokerMessage message) {
    tries.add(message);
    script.apply(message);
    sent.add(message);
  }

  @Override
  public BrokerMessage request(BrokerMessage message, Duration timeout) {
    tries.add(message);
    timeouts.add(timeout);
    return script.apply(message);
  }

  @Override
  public Subscription subscribe(List<String> patterns, @Nullable String group, SubscribeOptions options,
      Receiver receiver) {
    this.receiver = receiver;
    return new Subscription() {
      @Override
      public long pending() {
        return pending;
      }

      @Override
      public boolean drain(Duration timeout) {
        if (failingDrains) {
          throw new IllegalStateException("scripted");
        }
        return true;
      }

      @Override
      public void close() {}
    };
  }

  @Override
  public boolean isReady() {
    return true;
  }

  @Override
  public void close() {}
}
