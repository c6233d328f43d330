package dev.workloads.messaging.listener;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.util.concurrent.TimeUnit.MILLISECONDS;
import static java.util.concurrent.TimeUnit.SECONDS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.workloads.messaging.BrokerException;
import dev.workloads.messaging.BrokerException.Reason;
import dev.workloads.messaging.BrokerMessage;
import dev.workloads.messaging.BrokerMessageHandler;
import dev.workloads.messaging.ErrorReply;
import dev.workloads.messaging.MessageRejectedException;
import dev.workloads.messaging.MessageTransport;
import dev.workloads.messaging.MessagingClient;
import dev.workloads.messaging.inprocess.InProcessTransport;
import java.net.URL;
import java.net.URLClassLoader;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import java.util.stream.IntStream;
import org.awaitility.Awaitility;
import org.awaitility.core.ConditionFactory;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;
import org.springframework.scheduling.concurrent.CustomizableThreadFactory;

@ExtendWith(OutputCaptureExtension.class)
class MessageListenerContainerTests {

  private static final long UNBOUNDED = Long.MAX_VALUE;
  private static final Duration DRAIN_TIMEOUT = Duration.ofSeconds(5);
  private static final int MAX_PAYLOAD = 1000;
  private static final byte[] EMPTY = {};

  private final InProcessTransport transport = new InProcessTransport(MAX_PAYLOAD);
  private final MessagingClient client = new MessagingClient(transport, Duration.ZERO);
  private final ExecutorService threads = Executors.newCachedThreadPool();
  private final List<MessageListenerContainer> containers = new ArrayList<>();
  private final BlockingQueue<BrokerMessage> replies = new LinkedBlockingQueue<>();
  private final BlockingQueue<String> started = new LinkedBlockingQueue<>();
  private final Semaphore permits = new Semaphore(0);

  @BeforeEach
  void collectReplies() {
    transport.subscribe(List.of("replies.>"), null, replies::add);
  }

  @AfterEach
  void stopContainers() {
    permits.release(10_000);
    containers.forEach(MessageListenerContainer::stop);
    threads.shutdownNow();
    transport.close();
  }

  @Test
  void handlerAnswersARequest() {
    start(message -> client.publish(message.reply(("re: " + text(message)).getBytes(UTF_8))));
    assertThat(text(client.request("work.a", "hello".getBytes(UTF_8), Duration.ofSeconds(5)))).isEqualTo("re: hello");
  }

  @Test
  void handlersRunOnTheGivenThreadsWithTheHandlersClassLoader() throws Exception {
    BlockingQueue<Thread> handlers = new LinkedBlockingQueue<>();
    start(message -> {
      assertThat(Thread.currentThread().getContextClassLoader()).isSameAs(getClass().getClassLoader());
      handlers.add(Thread.currentThread());
    });
    Thread publisher = new Thread(() -> send("1"));
    try (URLClassLoader foreign = new URLClassLoader(new URL[0])) {
      publisher.setContextClassLoader(foreign);
      publisher.start();
      publisher.join();
    }
    assertThat(handlers.poll(5, SECONDS)).isNotNull().extracting(Thread::getName).asString()
        .startsWith("test-handler-");
  }

  @Test
  void nonBlockingHandlerRunsOnThePublishersThreadAndLeavesNoTrace() throws Exception {
    List<Object> seen = new ArrayList<>();
    start(new NonBlocking(message -> {
      seen.add(Thread.currentThread());
      seen.add(Thread.currentThread().getContextClassLoader());
      seen.add(Thread.currentThread().isInterrupted());
    }));
    Thread publisher = new Thread(() -> {
      Thread.currentThread().interrupt();
      send("1");
      seen.add(Thread.currentThread().getContextClassLoader());
      seen.add(Thread.currentThread().isInterrupted());
    });
    try (URLClassLoader foreign = new URLClassLoader(new URL[0])) {
      publisher.setContextClassLoader(foreign);
      publisher.start();
      publisher.join();
      assertThat(seen).containsExactly(publisher, NonBlocking.class.getClassLoader(), false, foreign, true);
    }
  }

  @Test
  void nonBlockingHandlerIsOneOfThoseAllowedAtOnce() {
    MessageListenerContainer container = start(new NonBlocking(this::blockAndReply, "short"), 1, 1, UNBOUNDED);
    send("long");
    await().until(() -> started.size() == 1);
    send("short");
    send("short");
    assertThat(ErrorReply.from(replies.remove())).isEqualTo(ErrorReply.full());
    assertThat(started).containsExactly("long");
    assertThat(container.inFlight()).isEqualTo(1);
    assertThat(container.queued()).isEqualTo(1);
    permits.release(2);
    assertThat(takeReplies(2)).containsExactly("long", "short");
    await().until(() -> container.inFlight() == 0);
  }

  @Test
  void handlerInThePoolWaitsForTheOneOnThePublishersThread() throws Exception {
    MessageListenerContainer container = start(new NonBlocking(this::blockAndReply, "short"), 1, 1, UNBOUNDED);
    Future<?> publisher = threads.submit(() -> send("short"));
    assertThat(started.poll(5, SECONDS)).isEqualTo("short");
    send("long");
    assertThat(started.poll(100, MILLISECONDS)).isNull();
    permits.release(2);
    publisher.get(5, SECONDS);
    assertThat(takeReplies(2)).containsExactly("short", "long");
    await().until(() -> container.inFlight() == 0);
  }

  @Test
  void messagesThatPileUpAreHandedOverToThePool() {
    Fake fake = new Fake(null);
    MessagingClient fakeClient = new MessagingClient(fake, Duration.ZERO);
    start(fake, fakeClient, new NonBlocking(message -> started.add(Thread.currentThread().getName())),
        settings(1, 10, UNBOUNDED));
    fake.pending = 10;
    fake.receive(new BrokerMessage("work.a", EMPTY));
    assertThat(started.remove()).isEqualTo(Thread.currentThread().getName());
    fake.pending = 11;
    fake.receive(new BrokerMessage("work.a", EMPTY));
    await().untilAsserted(() -> assertThat(started.peek()).startsWith("test-handler-"));
  }

  @Test
  void handlerThatBlocksInSpiteOfItsWordIsHandedOverToThePool() {
    permits.release(2);
    start(new NonBlocking(message -> {
      permits.acquire();
      assertThat(permits.tryAcquire(10, 50, MILLISECONDS)).isFalse();
      started.add(Thread.currentThread().getName());
    }));
    send("0");
    send("1");
    assertThat(started.remove()).isEqualTo(Thread.currentThread().getName());
    await().untilAsserted(() -> assertThat(started.peek()).startsWith("test-handler-"));
  }

  @Test
  void handlerThatCannotTellWhetherItBlocksIsTakenToBlock() {
    start(new BrokerMessageHandler() {
      @Override
      public void handle(BrokerMessage message) {
        started.add(Thread.currentThread().getName());
      }

      @Override
      public boolean isNonBlocking(BrokerMessage message) {
        throw new IllegalStateException("who knows");
      }
    });
    send("0");
    await().untilAsserted(() -> assertThat(started.peek()).startsWith("test-handler-"));
  }

  @Test
  void noMoreHandlersRunAtOnceThanAllowed() {
    AtomicInteger now = new AtomicInteger();
    AtomicInteger most = new AtomicInteger();
    MessageListenerContainer container = start(message -> {
      most.accumulateAndGet(now.incrementAndGet(), Math::max);
      blockAndReply(message);
      now.decrementAndGet();
    }, 3, 20, UNBOUNDED);
    sendAll(20);
    await().until(() -> started.size() == 3);
    assertThat(container.inFlight()).isEqualTo(3);
    assertThat(container.queued()).isEqualTo(17);
    permits.release(20);
    await().until(() -> replies.size() == 20);
    await().until(() -> container.inFlight() == 0);
    assertThat(container.queued()).isZero();
    assertThat(most).hasValue(3);
  }

  @Test
  void messageBeyondTheQueueIsRefusedAtOnce() {
    MessageListenerContainer container = start(this::blockAndReply, 1, 2, UNBOUNDED);
    sendAll(3);
    assertThat(replies).isEmpty();
    send("3");
    assertThat(ErrorReply.from(replies.remove())).isEqualTo(new ErrorReply(503, "worker is full"));
    assertThat(container.counters().shed()).isEqualTo(1);
    permits.release(3);
    assertThat(takeReplies(3)).containsExactly("0", "1", "2");
    permits.release();
    send("4");
    assertThat(takeReplies(1)).containsExactly("4");
  }

  @Test
  void workerWithoutQueueTakesWhatItCanHandleNow() {
    MessageListenerContainer container = start(this::blockAndReply, 2, 0, UNBOUNDED);
    sendAll(2);
    assertThat(replies).isEmpty();
    send("2");
    assertThat(ErrorReply.from(replies.remove())).isEqualTo(ErrorReply.full());
    permits.release(2);
    assertThat(takeReplies(2)).containsExactlyInAnyOrder("0", "1");
    assertThat(container.counters().shed()).isEqualTo(1);
  }

  @Test
  void messageBeyondTheBufferedBytesIsRefusedAtOnce() {
    MessageListenerContainer container = start(this::blockAndReply, 1, 100, 10);
    send("666666");
    send("55555");
    assertThat(ErrorReply.from(replies.remove())).isEqualTo(ErrorReply.full());
    send("4444");
    send("1");
    assertThat(ErrorReply.from(replies.remove())).isEqualTo(ErrorReply.full());
    send("");
    assertThat(container.counters().shed()).isEqualTo(2);
    permits.release(3);
    assertThat(takeReplies(3)).containsExactly("666666", "4444", "");
    await().until(() -> container.inFlight() == 0);
    permits.release();
    send("1010101010");
    assertThat(takeReplies(1)).containsExactly("1010101010");
  }

  @Test
  void oneWayMessageBeyondTheBoundsIsDroppedAndCounted() {
    MessageListenerContainer container = start(this::blockAndReply, 1, 0, UNBOUNDED);
    send("0");
    transport.publish(new BrokerMessage("work.a", EMPTY));
    assertThat(container.counters().shed()).isEqualTo(1);
    assertThat(replies).isEmpty();
    permits.release();
    assertThat(takeReplies(1)).containsExactly("0");
    container.stop();
    assertThat(started).containsExactly("0");
    assertThat(container.counters().lostReplies()).isZero();
  }

  @Test
  void messageThatWaitedLongerThanItsRequesterIsDroppedAndCounted() throws Exception {
    MessageListenerContainer container = start(this::blockAndReply, 1, 10, UNBOUNDED);
    send("blocks");
    send("expires", "50");
    send("waits", "60000");
    assertThat(permits.tryAcquire(100, MILLISECONDS)).isFalse();
    permits.release(3);
    assertThat(takeReplies(2)).containsExactly("blocks", "waits");
    container.stop();
    assertThat(started).containsExactly("blocks", "waits");
    assertThat(replies).isEmpty();
    assertThat(container.counters().expired()).isEqualTo(1);
    assertThat(container.counters().shed()).isZero();
  }

  @Test
  void expiredOneWayMessageIsDroppedToo() throws Exception {
    MessageListenerContainer container = start(this::blockAndReply, 1, 10, UNBOUNDED);
    send("blocks");
    transport.publish(new BrokerMessage("work.a", EMPTY, null, Map.of("Request-Timeout", List.of("50"))));
    assertThat(permits.tryAcquire(100, MILLISECONDS)).isFalse();
    permits.release(2);
    container.stop();
    assertThat(started).containsExactly("blocks");
    assertThat(container.counters().expired()).isEqualTo(1);
  }

  @ParameterizedTest
  @ValueSource(strings = {"", " ", "0", "-1", "1.5", "1ms", "0x1", "99999999999999999999", "9223372036854775807"})
  void timeoutThatIsNoPositiveNumberIsNoLimit(String timeout) throws Exception {
    MessageListenerContainer container = start(this::blockAndReply, 1, 10, UNBOUNDED);
    send("blocks");
    send("waits", timeout);
    assertThat(permits.tryAcquire(10, MILLISECONDS)).isFalse();
    permits.release(2);
    assertThat(takeReplies(2)).containsExactly("blocks", "waits");
    assertThat(container.counters().expired()).isZero();
  }

  @Test
  void foreignFailureIsNotTold(CapturedOutput output) {
    start(message -> {
      throw new IllegalStateException("password=1234");
    });
    send("0");
    assertThat(takeError()).isEqualTo(new ErrorReply(500, "handler failed"));
    await().untilAsserted(() -> assertThat(output.getOut()).contains("password=1234"));
  }

  @Test
  void errorsAreToldAndHarmNoOtherMessage() {
    start(message -> {
      if (text(message).equals("bad")) {
        throw new StackOverflowError("deep");
      }
      client.publish(message.reply(message.body()));
    });
    for (int i = 0; i < 10; i++) {
      send("bad");
      assertThat(takeError()).isEqualTo(new ErrorReply(500, "handler failed"));
    }
    send("good");
    assertThat(takeReplies(1)).containsExactly("good");
  }

  @Test
  void rejectionIsToldOnOneLineOfAscii(CapturedOutput output) {
    start(message -> {
      throw new MessageRejectedException(422, "not a number:\r\nInjected: \u00e4");
    });
    transport.publish(new BrokerMessage("work.a", EMPTY, "replies.r", Map.of("traceparent",
        List.of("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"))));
    BrokerMessage reply = take(replies);
    assertThat(reply.body()).isEmpty();
    assertThat(reply.headers()).isEqualTo(Map.of("Nats-Service-Error", List.of("not a number:  Injected: ?"),
        "Nats-Service-Error-Code", List.of("422")));
    await().untilAsserted(() -> assertThat(output.getOut()).contains("Rejected a message: not a number:??Injected: ? "
        + "(subject work.a, group group, trace 0af7651916cd43dd8448eb211c80319c)"));
  }

  @Test
  void errorAfterTheReplyIsOnlyLogged(CapturedOutput output) {
    MessageListenerContainer container = start(message -> {
      client.publish(message.reply(message.body()));
      throw new IllegalStateException("too late");
    });
    send("0");
    assertThat(takeReplies(1)).containsExactly("0");
    container.stop();
    assertThat(replies).isEmpty();
    assertThat(output.getOut()).contains("too late");
  }

  @Test
  void messageToAnotherSubjectIsNoReply() {
    start(message -> {
      client.publish(new BrokerMessage("replies.other", EMPTY));
      throw new MessageRejectedException("no");
    });
    send("0");
    assertThat(take(replies).subject()).isEqualTo("replies.other");
    assertThat(takeError()).isEqualTo(new ErrorReply(400, "no"));
  }

  @Test
  void handlerThatSendsNothingSendsNothing() {
    MessageListenerContainer container = start(message -> started.add(text(message)));
    send("0");
    container.stop();
    assertThat(started).containsExactly("0");
    assertThat(replies).isEmpty();
  }

  @Test
  void requestsWithTheSameReplyToGetTheirOwnAnswers() {
    start(message -> {
      started.add(text(message));
      permits.acquire();
      throw new MessageRejectedException(text(message));
    }, 2, 0, UNBOUNDED);
    send("0");
    await().until(() -> permits.getQueueLength() == 1);
    send("1");
    await().until(() -> permits.getQueueLength() == 2);
    permits.release();
    assertThat(takeError()).isEqualTo(new ErrorReply(400, "0"));
    permits.release();
    assertThat(takeError()).isEqualTo(new ErrorReply(400, "1"));
  }

  @Test
  void refusalIsNoReplyToAMessageThatIsStillHandled() {
    start(message -> {
      started.add(text(message));
      permits.acquire();
      throw new MessageRejectedException("no");
    }, 1, 0, UNBOUNDED);
    send("0");
    await().until(() -> started.size() == 1);
    send("1");
    assertThat(takeError()).isEqualTo(ErrorReply.full());
    permits.release();
    assertThat(takeError()).isEqualTo(new ErrorReply(400, "no"));
  }

  @Test
  void missingReplyToIsLoggedAndCounted(CapturedOutput output) {
    MessageListenerContainer container = start(message -> client.publish(message.reply(EMPTY)));
    transport.publish(new BrokerMessage("work.a", EMPTY));
    container.stop();
    assertThat(container.counters().missingReplyTo()).isEqualTo(1);
    assertThat(container.counters().lostReplies()).isZero();
    assertThat(replies).isEmpty();
    assertThat(output.getOut()).contains("missing reply_to");
  }

  @Test
  void failureOnAOneWayMessageIsNotCountedAsMissingReplyTo() {
    MessageListenerContainer container = start(message -> {
      throw new MessageRejectedException("no");
    });
    transport.publish(new BrokerMessage("work.a", EMPTY));
    container.stop();
    assertThat(container.counters().missingReplyTo()).isZero();
  }

  @Test
  void replyThatIsTooLargeBecomesAnError() {
    start(message -> client.publish(message.reply(new byte[MAX_PAYLOAD + 1])));
    send("0");
    assertThat(takeError()).isEqualTo(new ErrorReply(500, "reply too large"));
  }

  @Test
  void replyThatCannotBeSentWhileTheRequesterWaitsIsCountedAsLost() {
    Fake broken = new Fake(Reason.BROKER_UNAVAILABLE);
    MessagingClient brokenClient = new MessagingClient(broken, Duration.ZERO);
    MessageListenerContainer container =
        start(broken, brokenClient, message -> brokenClient.publish(message.reply(EMPTY)), settings(1, 1, UNBOUNDED));
    broken.receive(new BrokerMessage("work.a", EMPTY, "replies.r", Map.of("Request-Timeout", List.of("100"))));
    container.stop();
    assertThat(container.counters().lostReplies()).isEqualTo(1);
    assertThat(broken.tries).hasValueGreaterThan(1);
  }

  @Test
  void errorReplyThatCannotBeSentIsCountedAsLost() {
    Fake broken = new Fake(Reason.BROKER_UNAVAILABLE);
    MessageListenerContainer container = start(broken, new MessagingClient(broken, Duration.ZERO),
        this::blockAndReply, settings(1, 0, UNBOUNDED));
    broken.receive(new BrokerMessage("work.a", EMPTY));
    broken.receive(new BrokerMessage("work.a", EMPTY, "replies.r", Map.of()));
    assertThat(container.counters().shed()).isEqualTo(1);
    assertThat(container.counters().lostReplies()).isEqualTo(1);
  }

  @Test
  void replyToThatIsNoSubjectHarmsNobody() {
    Fake hostile = new Fake(null);
    MessagingClient hostileClient = new MessagingClient(hostile, Duration.ZERO);
    MessageListenerContainer container = start(hostile, hostileClient, message -> {
      started.add(text(message));
      hostileClient.publish(message.reply(EMPTY));
    }, settings(1, 10, UNBOUNDED));
    hostile.receive(new BrokerMessage("work.a", "0".getBytes(UTF_8), "a.*", Map.of()));
    hostile.receive(new BrokerMessage("work.a", "1".getBytes(UTF_8), "replies.r", Map.of()));
    container.stop();
    assertThat(started).containsExactly("0", "1");
    assertThat(container.counters().lostReplies()).isEqualTo(1);
    assertThat(hostile.tries).hasValue(1);
  }

  @Test
  void failuresAreLoggedAtALimitedRate(CapturedOutput output) {
    MessageListenerContainer container = start(message -> {
      throw new MessageRejectedException("flood");
    }, 4, 2000, UNBOUNDED);
    long start = System.nanoTime();
    sendAll(1000);
    container.stop();
    long seconds = Duration.ofNanos(System.nanoTime() - start).toSeconds();
    assertThat(output.getOut().split("Rejected a message: flood", -1).length - 1)
        .isBetween(10, (int) (seconds + 2) * 10);
    assertThat(replies).hasSize(1000);
  }

  @Test
  void stopFinishesWhatItHasAndTakesNoMore() throws Exception {
    MessageListenerContainer container = start(this::blockAndReply, 1, 10, UNBOUNDED);
    sendAll(5);
    await().until(() -> started.size() == 1);
    Future<?> stop = threads.submit(() -> container.stop());
    await().untilAsserted(() -> assertFails(Reason.NO_RESPONDERS,
        () -> transport.request(new BrokerMessage("work.a", EMPTY), Duration.ofMillis(1))));
    int taken = started.size() + container.queued();
    assertThat(stop.isDone()).isFalse();
    permits.release(taken);
    stop.get(5, SECONDS);
    assertThat(takeReplies(5)).containsExactly("0", "1", "2", "3", "4");
    assertThat(container.counters().shed()).isZero();
  }

  @Test
  void stopInterruptsAndRefusesWhatIsLeftAfterItsTimeout() {
    ListenerSettings settings =
        new ListenerSettings(List.of("work.>"), "group", 1, 10, UNBOUNDED, Duration.ofMillis(200));
    MessageListenerContainer container = start(transport, client, this::blockAndReply, settings);
    sendAll(3);
    await().until(() -> started.size() == 1);
    long start = System.nanoTime();
    container.stop();
    assertThat(Duration.ofNanos(System.nanoTime() - start)).isBetween(Duration.ofMillis(200), Duration.ofSeconds(3));
    assertThat(List.of(takeError(), takeError(), takeError())).containsExactlyInAnyOrder(
        new ErrorReply(500, "handler failed"), ErrorReply.full(), ErrorReply.full());
    assertThat(started).containsExactly("0");
    assertThat(container.counters().shed()).isEqualTo(2);
  }

  @Test
  void asynchronousStopCallsBackWhenDone() throws Exception {
    MessageListenerContainer container = start(this::blockAndReply, 1, 10, UNBOUNDED);
    send("0");
    CountDownLatch stopped = new CountDownLatch(1);
    container.stop(stopped::countDown);
    assertThat(stopped.await(100, MILLISECONDS)).isFalse();
    permits.release();
    assertThat(stopped.await(5, SECONDS)).isTrue();
    assertThat(replies).hasSize(1);
    CountDownLatch again = new CountDownLatch(1);
    container.stop(again::countDown);
    assertThat(again.await(5, SECONDS)).isTrue();
  }

  @Test
  void startAndStopAreIdempotent() {
    MessageListenerContainer container = container(transport, client, this::blockAndReply, settings(1, 10, UNBOUNDED));
    container.stop();
    assertThat(container.isRunning()).isFalse();
    assertThat(container.inFlight() + container.queued()).isZero();
    container.start();
    container.start();
    assertThat(container.isRunning()).isTrue();
    permits.release(10);
    send("0");
    container.stop();
    container.stop();
    assertThat(container.isRunning()).isFalse();
    assertThat(replies).hasSize(1);
  }

  @Test
  void stoppedContainerCanBeStartedAgain() {
    MessageListenerContainer container = start(this::blockAndReply, 1, 10, UNBOUNDED);
    permits.release(10);
    send("0");
    container.stop();
    assertFails(Reason.NO_RESPONDERS, () -> client.request("work.a", EMPTY, Duration.ofSeconds(1)));
    container.start();
    send("1");
    assertThat(takeReplies(2)).containsExactly("0", "1");
  }

  @Test
  void startThatFailsLeavesTheContainerStopped() {
    transport.close();
    MessageListenerContainer container = container(transport, client, this::blockAndReply, settings(1, 1, UNBOUNDED));
    assertThatExceptionOfType(IllegalStateException.class).isThrownBy(container::start);
    assertThat(container.isRunning()).isFalse();
  }

  @Test
  void groupMembersShareAndBroadcastersDoNot() {
    for (String group : List.of("group", "group", "broadcast", "broadcast")) {
      start(transport, client, message -> started.add(group),
          new ListenerSettings(List.of("work.*"), group, 1, 10, UNBOUNDED, DRAIN_TIMEOUT));
    }
    send("0");
    containers.forEach(MessageListenerContainer::stop);
    assertThat(started).containsExactlyInAnyOrder("group", "broadcast", "broadcast");
  }

  @Test
  void settingsAreChecked() {
    assertThatIllegalArgumentException().isThrownBy(() -> settings(List.of(), "group"));
    assertThatIllegalArgumentException().isThrownBy(() -> settings(List.of("a b"), "group"));
    assertThatIllegalArgumentException().isThrownBy(() -> settings(List.of("a"), "a b"));
    assertThatIllegalArgumentException().isThrownBy(() -> settings(List.of("a", ">"), "broadcast"));
    assertThat(settings(List.of("a", ">"), "group").queueGroup()).isEqualTo("group");
    assertThat(settings(List.of("a"), "broadcast").queueGroup()).isNull();
  }

  private static ListenerSettings settings(List<String> subscriptions, String group) {
    return new ListenerSettings(subscriptions, group, 1, 1, UNBOUNDED, DRAIN_TIMEOUT);
  }

  private static ListenerSettings settings(int maxInFlight, int queueCapacity, long maxBuffered) {
    return new ListenerSettings(List.of("work.>"), "group", maxInFlight, queueCapacity, maxBuffered, DRAIN_TIMEOUT);
  }

  private MessageListenerContainer start(BrokerMessageHandler handler) {
    return start(handler, 1, 100, UNBOUNDED);
  }

  private MessageListenerContainer start(BrokerMessageHandler handler, int maxInFlight, int queueCapacity, long maxBuffered) {
    return start(transport, client, handler, settings(maxInFlight, queueCapacity, maxBuffered));
  }

  private MessageListenerContainer start(MessageTransport transport, MessagingClient client, BrokerMessageHandler handler,
      ListenerSettings settings) {
    MessageListenerContainer container = container(transport, client, handler, settings);
    container.start();
    return container;
  }

  private MessageListenerContainer container(MessageTransport transport, MessagingClient client, BrokerMessageHandler handler,
      ListenerSettings settings) {
    MessageListenerContainer container =
        new MessageListenerContainer(transport, client, handler, settings,
            new CustomizableThreadFactory("test-handler-"));
    containers.add(container);
    return container;
  }

  /** Handles a message as soon as there is a permit. */
  private void blockAndReply(BrokerMessage message) throws InterruptedException {
    started.add(text(message));
    assertThat(permits.tryAcquire(10, SECONDS)).isTrue(); // the thread may be the test's own
    client.publish(message.reply(message.body()));
  }

  private void sendAll(int count) {
    IntStream.range(0, count).forEach(i -> send("" + i));
  }

  /** Sends a request whose reply goes to the queue; returns when the container has taken it in or refused it. */
  private void send(String body) {
    transport.publish(new BrokerMessage("work.a", body.getBytes(UTF_8), "replies.r", Map.of()));
  }

  private void send(String body, String timeout) {
    transport.publish(new BrokerMessage("work.a", body.getBytes(UTF_8), "replies.r",
        Map.of("Request-Timeout", List.of(timeout))));
  }

  private List<String> takeReplies(int count) {
    return IntStream.range(0, count).mapToObj(i -> {
      BrokerMessage reply = take(replies);
      assertThat(ErrorReply.from(reply)).isNull();
      return text(reply);
    }).toList();
  }

  private ErrorReply takeError() {
    ErrorReply error = ErrorReply.from(take(replies));
    assertThat(error).isNotNull();
    return error;
  }

  private static BrokerMessage take(BlockingQueue<BrokerMessage> queue) {
    try {
      BrokerMessage message = queue.poll(5, SECONDS);
      assertThat(message).isNotNull();
      return message;
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  private static void assertFails(Reason reason, Runnable call) {
    assertThatExceptionOfType(BrokerException.class).isThrownBy(call::run)
        .extracting(BrokerException::reason).isEqualTo(reason);
  }

  private static ConditionFactory await() {
    return Awaitility.await().pollInterval(Duration.ofMillis(5));
  }

  private static String text(BrokerMessage message) {
    return new String(message.body(), UTF_8);
  }

  /** Says of all messages, or of those with a certain body, that handling them does not block. */
  private record NonBlocking(BrokerMessageHandler handler, @Nullable String body) implements BrokerMessageHandler {

    NonBlocking(BrokerMessageHandler handler) {
      this(handler, null);
    }

    @Override
    public void handle(BrokerMessage message) throws Exception {
      handler.handle(message);
    }

    @Override
    public boolean isNonBlocking(BrokerMessage message) {
      return body == null || body.equals(text(message));
    }
  }

  /** A transport that hands over what the test says, also what the real ones would refuse. */
  private static final class Fake implements MessageTransport {

    private final @Nullable Reason failure;
    private final AtomicInteger tries = new AtomicInteger();
    private @Nullable Consumer<BrokerMessage> receiver;
    private long pending;

    Fake(@Nullable Reason failure) {
      this.failure = failure;
    }

    void receive(BrokerMessage message) {
      assertThat(receiver).isNotNull();
      receiver.accept(message);
    }

    @Override
    public void publish(BrokerMessage message) {
      message.requireSendable(MAX_PAYLOAD);
      tries.incrementAndGet();
      if (failure != null) {
        throw new BrokerException(failure, "scripted");
      }
    }

    @Override
    public BrokerMessage request(BrokerMessage message, Duration timeout) {
      throw new UnsupportedOperationException();
    }

    @Override
    public Subscription subscribe(List<String> patterns, @Nullable String group, Consumer<BrokerMessage> receiver) {
      this.receiver = receiver;
      return new Subscription() {
        @Override
        public long pending() {
          return pending;
        }

        @Override
        public boolean drain(Duration timeout) {
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
}
