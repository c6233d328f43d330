package dev.workloads.messaging;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.workloads.messaging.inprocess.InProcessTransport;
import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;

/** A request over a transport that answers at once, and over the in-process one. */
@State(Scope.Benchmark)
public class MessagingClientBenchmark {

  private static final Duration TIMEOUT = Duration.ofSeconds(5);
  private static final Duration RETRY_WINDOW = Duration.ofMillis(250);

  private final byte[] body = "Hello World".getBytes(UTF_8);
  private final MessagingClient stubbed = new MessagingClient(new Stub(), RETRY_WINDOW);
  private final InProcessTransport transport = new InProcessTransport();
  private final MessagingClient inProcess = new MessagingClient(transport, RETRY_WINDOW);

  @Setup
  public void setUp() {
    transport.subscribe(List.of("tasks.>"), "echo", (message, replies) -> replies.send(message.reply(message.body())));
  }

  @TearDown
  public void tearDown() {
    transport.close();
  }

  @Benchmark
  public Object stubbedTransport() {
    return stubbed.request("tasks.task-leet", body, TIMEOUT);
  }

  @Benchmark
  public Object inProcessRoundTrip() {
    return inProcess.request("tasks.task-leet", body, TIMEOUT);
  }

  private static final class Stub implements MessageTransport {

    @Override
    public void publish(BrokerMessage message) {}

    @Override
    public BrokerMessage request(BrokerMessage message, Duration timeout) {
      return new BrokerMessage("_INBOX.1", message.body());
    }

    @Override
    public Subscription subscribe(List<String> patterns, @Nullable String group, SubscribeOptions options,
      Receiver receiver) {
      throw new UnsupportedOperationException("the stub only answers requests");
    }

    @Override
    public boolean isReady() {
      return true;
    }

    @Override
    public void close() {}
  }
}
