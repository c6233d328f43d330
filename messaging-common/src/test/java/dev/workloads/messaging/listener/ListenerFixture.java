package dev.workloads.messaging.listener;

import static java.util.concurrent.TimeUnit.SECONDS;
import static org.assertj.core.api.Assertions.assertThat;

import dev.workloads.messaging.BrokerMessage;
import dev.workloads.messaging.BrokerMessageHandler;
import dev.workloads.messaging.ErrorReply;
import dev.workloads.messaging.MessageTransport;
import dev.workloads.messaging.inprocess.InProcessTransport;
import dev.workloads.messaging.testing.ScriptedTransport;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.Semaphore;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;
import org.awaitility.Awaitility;
import org.awaitility.core.ConditionFactory;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.springframework.scheduling.concurrent.CustomizableThreadFactory;

/** What the tests of the listener container share: containers, requests to them, and the replies. */
abstract class ListenerFixture {

  static final int MAX_PAYLOAD = 1000;
  static final String POOL = "test-handler-";

  final InProcessTransport transport = new InProcessTransport(MAX_PAYLOAD);
  final ScriptedTransport scripted = new ScriptedTransport();
  final ExecutorService threads = Executors.newCachedThreadPool();
  final List<MessageListenerContainer> containers = new ArrayList<>();
  final BlockingQueue<BrokerMessage> replies = new LinkedBlockingQueue<>();
  final BlockingQueue<String> started = new LinkedBlockingQueue<>();
  final Semaphore permits = new Semaphore(0);
  Semaphore maxBuffered = new Semaphore(Integer.MAX_VALUE);

  @BeforeEach
  void collectReplies() {
    transport.subscribe(List.of("replies.>"), null, (reply, none) -> replies.add(reply));
  }

  @AfterEach
  void stopContainers() {
    permits.release(10_000);
    containers.forEach(MessageListenerContainer::stop);
    threads.shutdownNow();
    transport.close();
  }

  static ListenerSettings settings(int maxInFlight, int queueCapacity) {
    return settings(maxInFlight, queueCapacity, Duration.ofSeconds(5));
  }

  static ListenerSettings settings(int maxInFlight, int queueCapacity, Duration drainTimeout) {
    return new ListenerSettings("test", List.of("work.>"), "group", maxInFlight, queueCapacity, drainTimeout);
  }

  MessageListenerContainer start(BrokerMessageHandler handler) {
    return start(handler, settings(1, 100));
  }

  MessageListenerContainer start(BrokerMessageHandler handler, ListenerSettings settings) {
    return start(transport, handler, settings);
  }

  /** Starts a container. Both transports call it on the thread that publishes. */
  MessageListenerContainer start(MessageTransport transport, BrokerMessageHandler handler, ListenerSettings settings) {
    MessageListenerContainer container = container(transport, handler, settings);
    container.start();
    return container;
  }

  MessageListenerContainer container(MessageTransport transport, BrokerMessageHandler handler,
      ListenerSettings settings) {
    return stopLater(new MessageListenerContainer(transport,
        new Listener(handler, settings, UnaryOperator.identity()), maxBuffered, new CustomizableThreadFactory(POOL)));
  }

  MessageListenerContainer stopLater(MessageListenerContainer container) {
    containers.add(container);
    return container;
  }

  /** Handles a message as soon as there is a permit. */
  BrokerMessage blockAndReply(BrokerMessage message) throws InterruptedException {
    started.add(message.text());
    assertThat(permits.tryAcquire(10, SECONDS)).isTrue(); // the thread may be the test's own
    return message.reply(message.body());
  }

  /** Creates a request whose reply goes to the queue. */
  static BrokerMessage request(String text) {
    return BrokerMessage.of("work.a", text).withReplyTo("replies.r");
  }

  /** Sends a request; returns when the container has taken it in or refused it. */
  void send(String text) {
    transport.publish(request(text));
  }

  void send(String text, String timeout) {
    transport.publish(request(text).withHeader("Request-Timeout", timeout));
  }

  void sendAll(int count) {
    IntStream.range(0, count).forEach(i -> send("" + i));
  }

  List<String> takeReplies(int count) {
    return IntStream.range(0, count).mapToObj(i -> {
      BrokerMessage reply = take(replies);
      assertThat(ErrorReply.from(reply)).isNull();
      return reply.text();
    }).toList();
  }

  ErrorReply takeError() {
    ErrorReply error = ErrorReply.from(take(replies));
    assertThat(error).isNotNull();
    return error;
  }

  static <T> T take(BlockingQueue<T> queue) {
    try {
      return queue.take();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  static ConditionFactory await() {
    return Awaitility.await();
  }

  /** Says of all messages, or of those with a certain text, that handling them does not block. */
  record NonBlocking(BrokerMessageHandler handler, @Nullable String text) implements BrokerMessageHandler {

    NonBlocking(BrokerMessageHandler handler) {
      this(handler, null);
    }

    @Override
    public @Nullable BrokerMessage handle(BrokerMessage message) throws Exception {
      return handler.handle(message);
    }

    @Override
    public boolean isNonBlocking(BrokerMessage message) {
      return text == null || text.equals(message.text());
    }
  }
}
