package dev.workloads.messaging.stream;

import static java.util.concurrent.TimeUnit.SECONDS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.awaitility.Awaitility.await;

import dev.workloads.messaging.BrokerException;
import dev.workloads.messaging.BrokerException.Reason;
import dev.workloads.messaging.BrokerMessage;
import dev.workloads.messaging.BrokerMessageHandler;
import dev.workloads.messaging.MessageRejectedException;
import dev.workloads.messaging.MessageTransport;
import dev.workloads.messaging.MessagingClient;
import dev.workloads.messaging.ReplySink;
import dev.workloads.messaging.ReplyStream;
import dev.workloads.messaging.RequesterGoneException;
import dev.workloads.messaging.StreamTimeouts;
import dev.workloads.messaging.StreamingHandler;
import dev.workloads.messaging.listener.Listener;
import dev.workloads.messaging.listener.ListenerSettings;
import dev.workloads.messaging.listener.MessageListenerContainer;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.NoSuchElementException;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.springframework.scheduling.concurrent.CustomizableThreadFactory;

/** What streams of replies do on every transport. */
public abstract class StreamContractTests {

  private static final Duration PATIENCE = Duration.ofSeconds(10);
  private static final StreamTimeouts TIMEOUTS = StreamTimeouts.of(PATIENCE);
  private static final byte[] EMPTY = {};
  private static final AtomicInteger LAST = new AtomicInteger();

  private final String subject = "streams" + LAST.incrementAndGet();
  private final String group = "group-of-" + subject;
  private final List<AutoCloseable> closing = new ArrayList<>();
  private final ExecutorService threads = Executors.newCachedThreadPool();
  private final BlockingQueue<BrokerMessage> controls = new LinkedBlockingQueue<>();
  private final BlockingQueue<Object> ended = new LinkedBlockingQueue<>(); // how handlers have ended
  private MessageTransport requester;
  private MessageTransport worker;
  private MessagingClient client;

  /** Returns a ready transport on the broker of this test. */
  protected abstract MessageTransport open();

  @BeforeEach
  void openTransports() {
    requester = open();
    worker = open();
    client = new MessagingClient(requester, Duration.ZERO);
  }

  @AfterEach
  void closeAll() throws Exception {
    for (AutoCloseable one : closing) {
      one.close();
    }
    threads.shutdownNow();
    requester.close();
    worker.close();
  }

  private MessageListenerContainer start(StreamingHandler handler) {
    return start(handler, Duration.ofSeconds(10), PATIENCE);
  }

  private MessageListenerContainer start(StreamingHandler handler, Duration keepAlive, Duration stall) {
    StreamSenders senders = new StreamSenders(worker, keepAlive, stall);
    closing.add(senders);
    return container(new StreamingListener((message, replies) -> {
      Object how = "returned";
      try {
        handler.handle(message, replies);
      } catch (Throwable e) {
        how = e;
        throw e;
      } finally {
        ended.add(how);
      }
    }, senders, group), PATIENCE);
  }

  private MessageListenerContainer container(BrokerMessageHandler handler, Duration drainTimeout) {
    MessageListenerContainer container = new MessageListenerContainer(worker, new Listener(handler,
        new ListenerSettings("test", List.of(subject), group, 2, 0, drainTimeout), UnaryOperator.identity()),
        new Semaphore(Integer.MAX_VALUE), new CustomizableThreadFactory("handler-"));
    container.start();
    closing.add(container::stop);
    return container;
  }

  private ReplyStream stream() {
    return stream(TIMEOUTS);
  }

  private ReplyStream stream(StreamTimeouts timeouts) {
    ReplyStream stream = client.stream(BrokerMessage.of(subject, "request"), timeouts);
    closing.add(0, stream);
    return stream;
  }

  private static BrokerMessage part(int number) {
    return BrokerMessage.of("", "part " + number);
  }

  private static void sendAll(ReplySink<BrokerMessage> replies, int count) {
    IntStream.rangeClosed(1, count).forEach(number -> replies.send(part(number)));
  }

  private static List<String> texts(ReplyStream stream) {
    List<String> texts = new ArrayList<>();
    stream.forEachRemaining(part -> texts.add(part.text()));
    return texts;
  }

  private static List<String> parts(int count) {
    return IntStream.rangeClosed(1, count).mapToObj(number -> part(number).text()).toList();
  }

  private void assertFails(Reason reason, String text, ThrowingRunnable reading) {
    assertThatExceptionOfType(BrokerException.class).isThrownBy(reading::run).withMessageContaining(text)
        .satisfies(e -> assertThat(e.reason()).isEqualTo(reason));
  }

  private interface ThrowingRunnable {
    void run();
  }

  /** A worker whose messages are written by hand; what the requester says comes to {@code controls}. */
  private final class Script {

    private final BlockingQueue<BrokerMessage> requests = new LinkedBlockingQueue<>();
    private final String control = "stream-control." + subject + ".1";
    private @Nullable BrokerMessage request;

    Script() {
      worker.subscribe(List.of(subject), group, (message, replies) -> {
        requests.add(message);
        request = message;
        send("Part", "0", "");
      });
      worker.subscribe(List.of("stream-control." + subject + ".*"), null, (message, replies) -> controls.add(message));
    }

    void send(String header, String value, String body) {
      worker.publish(new BrokerMessage(request.replyTo(), body.getBytes(), control, java.util.Map.of())
          .withHeader(header, value));
    }

    void parts(int from, int to) {
      IntStream.rangeClosed(from, to).forEach(number -> send("Part", "" + number, part(number).text()));
    }
  }

  private String said() throws InterruptedException {
    BrokerMessage control = controls.poll(10, SECONDS);
    return control == null ? "nothing" : String.valueOf(control.header("Reply-Stream"));
  }

  @Test
  void repliesComeInTheirOrderWithTheirHeaders() {
    start((message, replies) -> {
      replies.send(BrokerMessage.of("", message.text()).withHeader("Name", "value"));
      sendAll(replies, 1000);
    });
    ReplyStream stream = stream();
    BrokerMessage first = stream.next();
    assertThat(first.text()).isEqualTo("request");
    assertThat(first.header("Name")).isEqualTo("value");
    assertThat(texts(stream)).isEqualTo(parts(1000));
    assertThat(stream.isEnded()).isTrue();
    assertThat(stream.poll(PATIENCE)).isNull();
    assertThatExceptionOfType(NoSuchElementException.class).isThrownBy(stream::next);
  }

  @Test
  void emptyRepliesAreNotSent() {
    start((message, replies) -> Stream.of("", "a", "", "b", "").forEach(text -> replies.send(BrokerMessage.of("", text))));
    assertThat(texts(stream())).containsExactly("a", "b");
  }

  @Test
  void streamMayHaveNoReplies() {
    start((message, replies) -> { });
    assertThat(stream().hasNext()).isFalse();
  }

  @Test
  void handlerIsNoFurtherAheadThanItsCredit() {
    AtomicInteger sent = new AtomicInteger();
    start((message, replies) -> IntStream.rangeClosed(1, 500).forEach(number -> {
      replies.send(part(number));
      sent.set(number);
    }));
    ReplyStream stream = stream();
    await().untilAtomic(sent, org.hamcrest.Matchers.is(64));
    assertThat(stream.poll(Duration.ofMillis(200))).isNotNull();
    assertThat(sent).hasValue(64);
    List<String> rest = texts(stream);
    assertThat(rest).hasSize(499).isEqualTo(parts(500).subList(1, 500));
  }

  @Test
  void largeRepliesUseUpTheBytes() {
    AtomicInteger sent = new AtomicInteger();
    start((message, replies) -> {
      for (int number = 1; number <= 20; number++) {
        replies.send(new BrokerMessage("", new byte[100_000]));
        sent.set(number);
      }
    });
    ReplyStream stream = stream();
    await().untilAtomic(sent, org.hamcrest.Matchers.is(3));
    assertThat(stream.poll(Duration.ofMillis(200))).isNotNull();
    assertThat(sent).hasValue(3);
    assertThat(texts(stream)).hasSize(19);
  }

  @Test
  void closingEndsTheHandler() throws Exception {
    start((message, replies) -> {
      sendAll(replies, 1);
      new CountDownLatch(1).await();
    });
    ReplyStream stream = stream();
    stream.next();
    stream.close();
    assertThat(ended.poll(1, SECONDS)).isInstanceOf(InterruptedException.class);
    assertThat(stream.isEnded()).isTrue();
    stream.close();
  }

  @Test
  void closingEndsAHandlerThatWaitsForCreditOrNeverBlocks() throws Exception {
    start((message, replies) -> Stream.iterate(1, number -> number + 1).forEach(number -> replies.send(part(number))));
    ReplyStream stream = stream();
    stream.next();
    stream.close();
    assertThat(ended.poll(1, SECONDS)).isInstanceOf(RequesterGoneException.class);
  }

  @Test
  void requesterThatIsGoneEndsTheHandler() throws Exception {
    MessageListenerContainer container =
        start((message, replies) -> new CountDownLatch(1).await(), Duration.ofMillis(50), PATIENCE);
    worker.publish(BrokerMessage.of(subject, "request").withReplyTo("stream-replies.nobody.1")
        .withHeader("Reply-Stream", "64,262144"));
    assertThat(ended.poll(5, SECONDS)).isInstanceOf(InterruptedException.class);
    await().until(() -> container.inFlight() == 0);
    assertThat(container.endpoints().get(0).errors()).isZero();
  }

  @Test
  void requesterThatDoesNotReadIsGivenUp() throws Exception {
    start((message, replies) -> sendAll(replies, 100), Duration.ofSeconds(10), Duration.ofMillis(200));
    ReplyStream stream = stream();
    assertThat(ended.poll(5, SECONDS)).isInstanceOf(RequesterGoneException.class);
    for (int i = 0; i < 64; i++) {
      assertThat(stream.next().text()).isEqualTo(part(i + 1).text());
    }
    assertFails(Reason.HANDLER_FAILED, "has read nothing for 200 ms", stream::hasNext);
  }

  @Test
  void handlerThatGoesOnAfterItWasGivenUpDoesNotEndTheStreamInOrder() throws Exception {
    start((message, replies) -> {
      try {
        sendAll(replies, 100);
      } catch (RequesterGoneException e) {
        // a handler that takes it for the end
      }
    }, Duration.ofSeconds(10), Duration.ofMillis(200));
    ReplyStream stream = stream();
    assertThat(ended.poll(5, SECONDS)).isEqualTo("returned");
    assertFails(Reason.HANDLER_FAILED, "has read nothing", () -> texts(stream));
  }

  @Test
  void failureComesAfterTheRepliesBeforeIt() {
    start((message, replies) -> {
      sendAll(replies, 3);
      throw new IllegalStateException("secret");
    });
    ReplyStream stream = stream();
    for (int i = 1; i <= 3; i++) {
      assertThat(stream.next().text()).isEqualTo(part(i).text());
    }
    assertFails(Reason.HANDLER_FAILED, "handler failed", stream::next);
    assertFails(Reason.HANDLER_FAILED, "handler failed", () -> stream.poll(PATIENCE));
    assertThat(stream.isEnded()).isFalse();
  }

  @Test
  void rejectionKeepsItsText() {
    start((message, replies) -> {
      throw new MessageRejectedException(422, "no such report");
    });
    assertFails(Reason.HANDLER_REJECTED, "no such report", () -> texts(stream()));
  }

  @Test
  void workerThatIsFullSaysSo() {
    CountDownLatch release = new CountDownLatch(1);
    start((message, replies) -> release.await());
    stream();
    stream();
    assertFails(Reason.OVERLOADED, "full", this::stream);
    client = new MessagingClient(requester, Duration.ofSeconds(5));
    Future<ReplyStream> third = threads.submit(() -> stream());
    release.countDown();
    assertThat(third).succeedsWithin(PATIENCE);
  }

  @Test
  void nobodyIsSubscribed() {
    assertFails(Reason.NO_RESPONDERS, "nobody is subscribed", this::stream);
  }

  @Test
  void ordinaryReplyIsAStreamOfOne() {
    container(message -> message.reply("one").withHeader("Name", "value"), PATIENCE);
    ReplyStream stream = stream();
    BrokerMessage only = stream.next();
    assertThat(only.text()).isEqualTo("one");
    assertThat(only.header("Name")).isEqualTo("value");
    assertThat(stream.hasNext()).isFalse();
  }

  @Test
  void plainRequestLearnsHowToAsk() {
    start((message, replies) -> sendAll(replies, 3));
    assertFails(Reason.HANDLER_REJECTED, "ask for a stream", () -> client.request(subject, EMPTY, PATIENCE));
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "64", "64,", "a,b", "-1,5", "64,262144,1", "99999999999999999999,1"})
  void requestThatAsksForNoCreditIsRejected(String credit) {
    start((message, replies) -> sendAll(replies, 3));
    worker.subscribe(List.of("stream-replies." + subject), null, (message, replies) -> controls.add(message));
    worker.publish(BrokerMessage.of(subject, "").withReplyTo("stream-replies." + subject).withHeader("Reply-Stream", credit));
    await().until(() -> !controls.isEmpty());
    assertThat(controls.peek().header("Nats-Service-Error-Code")).isEqualTo("400");
    assertThat(ended).isEmpty();
  }

  @Test
  void replyToThatIsNoneOfAStreamIsRejected() {
    start((message, replies) -> sendAll(replies, 3));
    assertFails(Reason.HANDLER_REJECTED, "stream-replies.", () -> client.request(
        BrokerMessage.of(subject, "").withHeader("Reply-Stream", "1,1"), PATIENCE));
  }

  @Test
  void firstMessageIsDueInTime() {
    worker.subscribe(List.of(subject), group, (message, replies) -> { });
    assertFails(Reason.TIMEOUT, "within 200 ms",
        () -> stream(new StreamTimeouts(Duration.ofMillis(200), PATIENCE, PATIENCE)));
  }

  @Test
  void workerThatIsHeardNoMoreIsGivenUp() throws Exception {
    Script script = new Script();
    ReplyStream stream = stream(new StreamTimeouts(PATIENCE, Duration.ofMillis(200), PATIENCE));
    script.parts(1, 1);
    assertThat(stream.next().text()).isEqualTo("part 1");
    assertFails(Reason.TIMEOUT, "nothing was heard of the worker for 200 ms", () -> {
      while (stream.poll(Duration.ofMillis(30)) == null && !stream.isEnded()) { } // fails, also at the last moment of a wait
    });
    assertFails(Reason.TIMEOUT, "nothing was heard", stream::hasNext);
    assertThat(said()).isEqualTo("cancel");
  }

  @Test
  void workerThatIsHeardIsWaitedFor() {
    CountDownLatch release = new CountDownLatch(1);
    start((message, replies) -> {
      release.await();
      sendAll(replies, 1);
    }, Duration.ofMillis(20), PATIENCE);
    ReplyStream stream = stream(new StreamTimeouts(PATIENCE, Duration.ofSeconds(1), PATIENCE));
    assertThat(stream.poll(Duration.ofMillis(1500))).isNull();
    assertThat(stream.isEnded()).isFalse();
    release.countDown();
    assertThat(texts(stream)).containsExactly("part 1");
  }

  @Test
  void allOfItHasATimeout() throws Exception {
    start((message, replies) -> new CountDownLatch(1).await(), Duration.ofMillis(20), PATIENCE);
    assertFails(Reason.TIMEOUT, "has not ended within 300 ms",
        () -> texts(stream(new StreamTimeouts(PATIENCE, PATIENCE, Duration.ofMillis(300)))));
    assertThat(ended.poll(1, SECONDS)).isInstanceOf(InterruptedException.class);
  }

  @Test
  void streamThatIsNeverQuietHasATimeoutToo() throws Exception {
    start((message, replies) -> Stream.iterate(1, number -> number + 1).forEach(number -> replies.send(part(number))));
    assertFails(Reason.TIMEOUT, "has not ended within 300 ms",
        () -> stream(new StreamTimeouts(PATIENCE, PATIENCE, Duration.ofMillis(300))).forEachRemaining(part -> { }));
    assertThat(ended.poll(1, SECONDS)).isInstanceOf(RequesterGoneException.class);
  }

  @Test
  void holeBreaksTheStream() throws Exception {
    Script script = new Script();
    ReplyStream stream = stream();
    script.parts(1, 2);
    script.parts(4, 4);
    assertThat(stream.next().text()).isEqualTo("part 1");
    assertThat(stream.next().text()).isEqualTo("part 2");
    assertFails(Reason.STREAM_BROKEN, "part 3 is missing", stream::next);
    assertThat(said()).isEqualTo("cancel");
  }

  @Test
  void wrongNumberOfPartsBreaksTheStream() {
    Script script = new Script();
    ReplyStream stream = stream();
    script.parts(1, 2);
    script.send("Part-End", "3", "");
    assertFails(Reason.STREAM_BROKEN, "3 parts, 2 have come in", () -> texts(stream));
  }

  @Test
  void messageThatIsNoPartBreaksTheStream() {
    Script script = new Script();
    ReplyStream stream = stream();
    script.parts(1, 1);
    script.send("Other", "x", "body");
    assertFails(Reason.STREAM_BROKEN, "no part", () -> texts(stream));
  }

  @Test
  void moreThanTheCreditBreaksTheStream() throws Exception {
    Script script = new Script();
    ReplyStream stream = stream();
    script.parts(1, 65);
    assertThat(said()).isEqualTo("cancel"); // all have come in before the first is read
    assertFails(Reason.STREAM_BROKEN, "more than it may", () -> texts(stream));
  }

  @Test
  void partThatComesTwiceCountsOnce() {
    Script script = new Script();
    ReplyStream stream = stream();
    script.parts(1, 3);
    script.parts(2, 4);
    script.send("Part-End", "4", "");
    assertThat(texts(stream)).isEqualTo(parts(4));
  }

  @Test
  void secondWorkerIsToldToStop() throws Exception {
    Script script = new Script();
    ReplyStream stream = stream();
    script.parts(1, 1);
    BrokerMessage other = new BrokerMessage(script.request.replyTo(), "other".getBytes(), script.control.replace(".1", ".2"),
        java.util.Map.of());
    worker.publish(other.withHeader("Part", "2"));
    worker.publish(new BrokerMessage(other.subject(), EMPTY, other.replyTo(), java.util.Map.of()).withHeader("Part-End", "1"));
    script.parts(2, 2);
    script.send("Part-End", "2", "");
    assertThat(texts(stream)).isEqualTo(parts(2));
    assertThat(said()).isEqualTo("cancel");
    assertThat(controls.poll(5, SECONDS).subject()).isEqualTo(other.replyTo());
  }

  @Test
  void workerOfAStreamThatHasEndedIsToldToStop() throws Exception {
    Script script = new Script();
    stream().close();
    assertThat(said()).isEqualTo("cancel");
    script.parts(1, 1);
    assertThat(said()).isEqualTo("cancel");
  }

  @Test
  void acknowledgementOfAJetStreamStreamIsNoReply() {
    Script script = new Script();
    ReplyStream stream = stream();
    worker.publish(BrokerMessage.of(script.request.replyTo(), "{\"stream\":\"TASKS\", \"seq\":1}"));
    script.parts(1, 1);
    script.send("Part-End", "1", "");
    assertThat(texts(stream)).containsExactly("part 1");
  }

  @Test
  void stopWaitsForAStream() throws Exception {
    CountDownLatch begun = new CountDownLatch(1);
    CountDownLatch release = new CountDownLatch(1);
    MessageListenerContainer container = start((message, replies) -> {
      begun.countDown();
      release.await();
      sendAll(replies, 200);
    });
    ReplyStream stream = stream();
    begun.await();
    Future<?> stopped = threads.submit(() -> container.stop());
    release.countDown();
    assertThat(texts(stream)).isEqualTo(parts(200));
    assertThat(stopped).succeedsWithin(PATIENCE);
  }

  @Test
  void streamThatAStopGivesUpDoesNotEndInOrder() throws Exception {
    StreamSenders senders = new StreamSenders(worker);
    closing.add(senders);
    CountDownLatch begun = new CountDownLatch(1);
    MessageListenerContainer container = container(new StreamingListener((message, replies) -> {
      sendAll(replies, 1);
      begun.countDown();
      while (true) {
        sendAll(replies, 1);
      }
    }, senders, group), Duration.ofMillis(100));
    ReplyStream stream = stream();
    begun.await();
    container.stop();
    assertFails(Reason.HANDLER_FAILED, "handler failed", () -> texts(stream));
  }

  @Test
  void sinkIsOfNoUseAfterTheHandlerHasReturned() throws Exception {
    BlockingQueue<ReplySink<BrokerMessage>> sinks = new LinkedBlockingQueue<>();
    start((message, replies) -> sinks.add(replies));
    assertThat(texts(stream())).isEmpty();
    ReplySink<BrokerMessage> sink = sinks.take();
    await().untilAsserted(() -> assertThatIllegalStateException().isThrownBy(() -> sink.send(part(1))));
  }

  @Test
  void interruptEndsTheWaitOfAReader() throws Exception {
    start((message, replies) -> new CountDownLatch(1).await());
    ReplyStream stream = stream();
    Thread.currentThread().interrupt();
    assertFails(Reason.TIMEOUT, "interrupted", () -> stream.poll(PATIENCE));
    assertThat(Thread.interrupted()).isTrue();
    assertThat(ended.poll(1, SECONDS)).isInstanceOf(InterruptedException.class);
  }

  @Test
  void typedRepliesAreAStream() throws Exception {
    start((message, replies) -> {
      sendAll(replies, 3);
      new CountDownLatch(1).await();
    });
    try (Stream<String> replies = client.stream(subject, "request", String.class, TIMEOUTS)) {
      assertThat(replies.limit(3)).isEqualTo(parts(3));
    }
    assertThat(ended.poll(1, SECONDS)).isInstanceOf(InterruptedException.class);
  }

  @Test
  void timeoutsArePositive() {
    assertThatIllegalArgumentException().isThrownBy(() -> StreamTimeouts.of(Duration.ZERO));
  }
}
