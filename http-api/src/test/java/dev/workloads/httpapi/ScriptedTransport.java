package dev.workloads.httpapi;

import dev.workloads.messaging.BrokerMessage;
import dev.workloads.messaging.MessageTransport;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/** A transport that answers requests with what no transport of ours would carry: foreign replies and failures. */
final class ScriptedTransport implements MessageTransport {

  private final AtomicInteger requests = new AtomicInteger();
  private volatile UnaryOperator<BrokerMessage> script = request -> request;

  /** Sets what the next requests are answered with, or fail with. */
  void answer(UnaryOperator<BrokerMessage> script) {
    requests.set(0);
    this.script = script;
  }

  /** Returns the number of requests since the script was set. */
  int requests() {
    return requests.get();
  }

  @Override
  public BrokerMessage request(BrokerMessage message, Duration timeout) {
    requests.incrementAndGet();
    return script.apply(message);
  }

  @Override
  public void publish(BrokerMessage message) {
    throw new UnsupportedOperationException();
  }

  @Override
  public Subscription subscribe(List<String> patterns, @Nullable String group, Consumer<BrokerMessage> receiver) {
    throw new UnsupportedOperationException();
  }

  @Override
  public boolean isReady() {
    return true;
  }

  @Override
  public void close() {
    // holds nothing
  }
}
