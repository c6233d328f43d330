package dev.workloads.messaging;

import static java.util.concurrent.TimeUnit.MILLISECONDS;
import static java.util.concurrent.TimeUnit.SECONDS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.workloads.messaging.BrokerException.Reason;
import dev.workloads.messaging.MessageTransport.Receiver;
import dev.workloads.messaging.MessageTransport.ReplyPath;
import dev.workloads.messaging.MessageTransport.Subscription;
import dev.workloads.messaging.testing.Stopwatch;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What every transport has to do. */
public abstract class MessageTransportContractTests {

  private static final int MAX_PAYLOAD = 1024 * 1024;
  private static final Duration PATIENCE = Duration.ofSeconds(5);
  // For what has to happen at once: far below PATIENCE, far above the pauses of a busy machine
  private static final Duration SOON = Duration.ofSeconds(2);
  private static final byte[] EMPTY = {};
  private static final AtomicInteger LAST_SUBJECT = new AtomicInteger();

  private final String subject = "contract" + LAST_SUBJECT.incrementAndGet();
  private final ExecutorService threads = Executors.newCachedThreadPool();
  private final BlockingQueue<BrokerMessage> received = new LinkedBlockingQueue<>();
  private MessageTransport requester;
  private MessageTransport worker;

  /** Returns a ready transport on the broker of this test; with a limit of 1 MiB. */
  protected abstract MessageTransport open();

  @BeforeEach
  void openTransports() {
    requester = open();
    worker = open();
  }

  @AfterEach
  void closeTransports() {
    threads.shutdownNow();
    requester.close();
    worker.close();
  }

  @Test
  void requestReturnsTheReply() {
    answer(subject, message -> message.reply("re: " + message.text()));
    BrokerMessage reply = request(subject, "hello");
    assertThat(reply.text()).isEqualTo("re: hello");
    assertThat(reply.replyTo()).isNull();
    assertThat(reply.headers()).isEmpty();
  }

  @Test
  void receiverSeesSubjectBodyHeadersAndAReplyTo() {
    answer(subject, message -> {
      received.add(message);
      return message.reply("");
    });
    BrokerMessage sent = BrokerMessage.of(subject, "body").withHeader("Name", "value");
    requester.request(sent.withReplyTo("ignored"), PATIENCE);
    BrokerMessage message = take();
    assertThat(message).isEqualTo(sent.withReplyTo(message.replyTo()));
    assertThat(message.replyTo()).isNotNull().isNotEqualTo("ignored");
  }

  @Test
  void publishedMessageKeepsItsReplyToOrItsLackOfOne() {
    subscribe(subject);
    requester.publish(BrokerMessage.of(subject, "one"));
    requester.publish(BrokerMessage.of(subject, "two").withReplyTo("reply.here"));
    assertThat(take()).isEqualTo(BrokerMessage.of(subject, "one"));
    assertThat(take()).isEqualTo(BrokerMessage.of(subject, "two").withReplyTo("reply.here"));
  }

  @Test
  void bodiesPassByteForByteBothWays() {
    echo(subject);
    byte[] allBytes = new byte[256];
    IntStream.range(0, 256).forEach(i -> allBytes[i] = (byte) i);
    byte[] large = new byte[MAX_PAYLOAD];
    Arrays.fill(large, (byte) '\r');
    for (byte[] body : List.of(EMPTY, allBytes, large)) {
      assertThat(requester.request(new BrokerMessage(subject, body), PATIENCE).body()).isEqualTo(body);
    }
  }

  @Test
  void headersCountTowardsTheLimit() {
    echo(subject);
    Map<String, List<String>> headers = Map.of("Name", List.of("one", "two"));
    long overhead = new BrokerMessage(subject, EMPTY, null, headers).size();
    BrokerMessage largest = new BrokerMessage(subject, new byte[(int) (MAX_PAYLOAD - overhead)], null, headers);
    BrokerMessage larger = new BrokerMessage(subject, new byte[largest.body().length + 1], null, headers);
    assertThat(requester.request(largest, PATIENCE).body()).hasSameSizeAs(largest.body());
    assertFails(Reason.PAYLOAD_TOO_LARGE, () -> requester.request(larger, PATIENCE));
    assertFails(Reason.PAYLOAD_TOO_LARGE, () -> publish(larger));
    assertThat(request(subject, "still there").text()).isEqualTo("still there");
  }

  @Test
  void headersPassBothWays() {
    answer(subject, message -> new BrokerMessage(message.reply("").subject(), EMPTY, null, message.headers()));
    Map<String, List<String>> headers = Map.of("traceparent", List.of("00-1-2-01"), "Several", List.of("b", "a", "b"),
        "several", List.of("other case"), "Empty", List.of(""), "Odd", List.of("a: b\tc, \"d\" ~"));
    BrokerMessage reply = requester.request(new BrokerMessage(subject, EMPTY, null, headers), PATIENCE);
    assertThat(reply.headers()).isEqualTo(headers);
  }

  @Test
  void errorReplyIsReturnedLikeAnyOther() {
    ErrorReply error = new ErrorReply(400, "bad input");
    answer(subject,
        message -> new BrokerMessage(message.reply("").subject(), EMPTY, null, error.toMessage().headers()));
    BrokerMessage reply = request(subject, "");
    assertThat(reply.body()).isEmpty();
    assertThat(ErrorReply.from(reply)).isEqualTo(error);
  }

  @Test
  void headersThatCannotBeSentAreRefused() {
    echo(subject);
    for (String value : List.of("a\r\nInjected: b", "a\nb", "a\rb", "\u00e4", "a\0")) {
      BrokerMessage message = new BrokerMessage(subject, EMPTY, null, Map.of("Name", List.of(value)));
      assertThatIllegalArgumentException().isThrownBy(() -> requester.request(message, PATIENCE));
      assertThatIllegalArgumentException().isThrownBy(() -> publish(message));
    }
    for (String name : List.of("", "a b", "a:b", "a\r\nb", "\u00e4")) {
      BrokerMessage message = new BrokerMessage(subject, EMPTY, null, Map.of(name, List.of("value")));
      assertThatIllegalArgumentException().isThrownBy(() -> requester.request(message, PATIENCE));
      assertThatIllegalArgumentException().isThrownBy(() -> publish(message));
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"", " ", "a b", "a.*", "*", "a.>", ">", ".a", "a.", "a..b", "a\r\nb", "a\0", "\u00e4"})
  void malformedSubjectsAreRefused(String malformed) {
    answer(">", message -> {
      received.add(message);
      return message.reply("");
    });
    assertThatIllegalArgumentException().isThrownBy(() -> request(malformed, ""));
    assertThatIllegalArgumentException().isThrownBy(() -> publish(new BrokerMessage(malformed, EMPTY)));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> publish(new BrokerMessage(subject, EMPTY, malformed, Map.of())));
    assertThat(received).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(strings = {"", " ", "a b", "a*", "a.>.b", ".a", "a.", "a..b", "a\r\nb", "\u00e4"})
  void malformedPatternsAreRefused(String malformed) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> worker.subscribe(List.of(subject, malformed), "group", this::receive));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> worker.subscribe(List.of(malformed), null, this::receive));
  }

  @Test
  void malformedGroupAndLackOfPatternsAreRefused() {
    assertThatIllegalArgumentException().isThrownBy(() -> worker.subscribe(List.of(subject), "a b", this::receive));
    assertThatIllegalArgumentException().isThrownBy(() -> worker.subscribe(List.of(subject), "", this::receive));
    assertThatIllegalArgumentException().isThrownBy(() -> worker.subscribe(List.of(), "group", this::receive));
  }

  @Test
  void starStandsForOneToken() {
    echo(subject + ".*.end");
    assertThat(request(subject + ".a.end", "1").text()).isEqualTo("1");
    for (String other : List.of(".end", ".a", ".a.b.end", ".a.end.b", "")) {
      assertFails(Reason.NO_RESPONDERS, () -> request(subject + other, ""));
    }
  }

  @Test
  void greaterThanStandsForOneOrMoreTokens() {
    echo(subject + ".>");
    assertThat(request(subject + ".a", "1").text()).isEqualTo("1");
    assertThat(request(subject + ".a.b.c", "2").text()).isEqualTo("2");
    assertFails(Reason.NO_RESPONDERS, () -> request(subject, ""));
    assertFails(Reason.NO_RESPONDERS, () -> request(subject + "x.a", ""));
  }

  @Test
  void membersOfAGroupShareTheMessages() {
    List<BlockingQueue<String>> perMember =
        List.of(new LinkedBlockingQueue<>(), new LinkedBlockingQueue<>(), new LinkedBlockingQueue<>());
    List<Subscription> members = perMember.stream().map(messages -> worker.subscribe(List.of(subject), "group",
        (message, replies) -> {
          messages.add(message.text());
          replies.send(message.reply(""));
        })).toList();
    List<String> sent = IntStream.range(0, 300).mapToObj(Integer::toString).toList();
    sent.forEach(body -> request(subject, body));
    drain(members);
    assertThat(perMember.stream().flatMap(BlockingQueue::stream)).containsExactlyInAnyOrderElementsOf(sent);
    assertThat(perMember).noneMatch(BlockingQueue::isEmpty);
  }

  @Test
  void everyGroupGetsTheMessage() {
    Subscription one = worker.subscribe(List.of(subject), "one", this::receive);
    Subscription two = worker.subscribe(List.of(subject), "two", this::receive);
    publishAndConfirm(BrokerMessage.of(subject, "1"));
    drain(List.of(one, two));
    assertThat(received).extracting(BrokerMessage::text).containsExactly("1", "1");
  }

  @Test
  void overlappingPatternsOfOneGroupDeliverOnce() {
    Subscription subscription =
        worker.subscribe(List.of(subject + ".>", subject + ".*", subject + ".a"), "group", this::receive);
    for (int i = 0; i < 50; i++) {
      publishAndConfirm(BrokerMessage.of(subject + ".a", "message"));
    }
    drain(List.of(subscription));
    assertThat(received).hasSize(50);
  }

  @Test
  void withoutGroupEveryMemberGetsEveryMessage() {
    BlockingQueue<BrokerMessage> others = new LinkedBlockingQueue<>();
    Subscription one = subscribe(subject + ".a");
    Subscription two = worker.subscribe(List.of(subject + ".b", subject + ".a"), null,
        (message, replies) -> others.add(message));
    List<BrokerMessage> messages = IntStream.range(0, 20)
        .mapToObj(i -> BrokerMessage.of(subject + ".a", "" + i)).toList();
    messages.forEach(this::publishAndConfirm);
    drain(List.of(one, two));
    assertThat(received).containsExactlyElementsOf(messages);
    assertThat(others).containsExactlyElementsOf(messages);
  }

  @Test
  void overlappingPatternsWithoutGroupAreRefused() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> worker.subscribe(List.of(subject + ".*", subject + ".a"), null, this::receive))
        .withMessageContaining("overlap");
    assertFails(Reason.NO_RESPONDERS, () -> request(subject + ".a", ""));
  }

  @Test
  void requestWithoutSubscriberFailsAtOnce() {
    request(echo(subject), "warms up");
    Stopwatch watch = Stopwatch.start();
    assertFails(Reason.NO_RESPONDERS, () -> request(subject + ".nobody", ""));
    watch.assertLessThan(Duration.ofMillis(500));
  }

  @Test
  void publishNeedsNoSubscriber() {
    publish(new BrokerMessage(subject, EMPTY));
    publish(new BrokerMessage(subject, EMPTY, "reply.here", Map.of()));
    assertThat(request(echo(subject), "still works").text()).isEqualTo("still works");
  }

  @Test
  void requestWithoutReplyTimesOutNeverEarly() {
    subscribe(subject);
    for (int millis : List.of(1, 50, 120, 333)) {
      Stopwatch watch = Stopwatch.start();
      assertFails(Reason.TIMEOUT,
          () -> requester.request(new BrokerMessage(subject, EMPTY), Duration.ofMillis(millis)));
      watch.assertBetween(Duration.ofMillis(millis), Duration.ofMillis(millis).plus(SOON));
    }
  }

  @Test
  void firstReplyWins() {
    subscribe(subject, (message, replies) -> {
      replies.send(message.reply("first " + message.text()));
      replies.send(message.reply("second " + message.text()));
    });
    for (int i = 0; i < 100; i++) {
      assertThat(request(subject, "" + i).text()).isEqualTo("first " + i);
    }
  }

  @Test
  void lateReplyReachesNobody() throws Exception {
    CompletableFuture<Runnable> late = new CompletableFuture<>();
    subscribe(subject + ".late", (message, replies) -> late.complete(() -> replies.send(message.reply("late"))));
    echo(subject);
    assertFails(Reason.TIMEOUT,
        () -> requester.request(new BrokerMessage(subject + ".late", EMPTY), Duration.ofMillis(50)));
    late.get(5, SECONDS).run();
    for (int i = 0; i < 20; i++) {
      assertThat(request(subject, "" + i).text()).isEqualTo("" + i);
    }
  }

  @Test
  void replyThatCannotBeSentIsRefusedAndAnotherOneMayFollow() {
    subscribe(subject, (message, replies) -> {
      assertFails(Reason.PAYLOAD_TOO_LARGE, () -> replies.send(message.reply(new byte[MAX_PAYLOAD + 1])));
      assertThatIllegalArgumentException()
          .isThrownBy(() -> replies.send(message.reply("").withHeader("Name", "a\nb")));
      assertThatIllegalArgumentException().isThrownBy(() -> replies.send(BrokerMessage.of("", "no subject")));
      replies.send(message.reply("sent"), PATIENCE);
    });
    assertThat(request(subject, "").text()).isEqualTo("sent");
  }

  @Test
  void replyOverAClosedTransportIsRefused() throws Exception {
    CompletableFuture<Runnable> late = new CompletableFuture<>();
    subscribe(subject, (message, replies) -> late.complete(() -> replies.send(message.reply(""))));
    publish(BrokerMessage.of(subject, "").withReplyTo("reply.here"));
    Runnable reply = late.get(5, SECONDS);
    worker.close();
    assertFails(Reason.BROKER_UNAVAILABLE, reply);
  }

  @Test
  void concurrentRequestsGetTheirOwnReplies() throws Exception {
    worker.subscribe(List.of(subject), "group", (message, replies) -> threads.execute(
        () -> replies.send(message.reply(message.body()))));
    List<Callable<String>> requests = IntStream.range(0, 500).mapToObj(i -> (Callable<String>) () -> {
      String body = "body " + i;
      return request(subject, body).text().equals(body) ? "own" : "another's";
    }).toList();
    for (Future<String> outcome : threads.invokeAll(requests)) {
      assertThat(outcome.get()).isEqualTo("own");
    }
  }

  @Test
  void failureOfAReceiverHarmsNoOtherMessage() {
    answer(subject, message -> {
      if (message.text().equals("bad")) {
        throw new IllegalStateException("the receiver fails");
      }
      return message.reply("");
    });
    publish(BrokerMessage.of(subject, "bad"));
    assertThat(request(subject, "good").body()).isEmpty();
  }

  @Test
  void drainWaitsForTheReceiver() throws Exception {
    CountDownLatch release = new CountDownLatch(1);
    Subscription subscription = answer(subject, message -> {
      received.add(message);
      await(release);
      return message.reply("done");
    });
    Future<BrokerMessage> reply = threads.submit(() -> request(subject, ""));
    take();
    Future<Boolean> drained = threads.submit(() -> subscription.drain(PATIENCE));
    assertThatThrownBy(() -> drained.get(200, MILLISECONDS)).isInstanceOf(TimeoutException.class);
    release.countDown();
    assertThat(drained.get(5, SECONDS)).isTrue();
    assertThat(reply.get(5, SECONDS).text()).isEqualTo("done");
    assertThat(subscription.drain(PATIENCE)).isTrue();
  }

  @Test
  void drainGivesUpAfterItsTimeout() {
    CountDownLatch release = new CountDownLatch(1);
    Subscription subscription = subscribe(subject, (message, replies) -> {
      received.add(message);
      await(release);
    });
    threads.execute(() -> publish(new BrokerMessage(subject, EMPTY)));
    take();
    Stopwatch watch = Stopwatch.start();
    assertThat(subscription.drain(Duration.ofMillis(200))).isFalse();
    watch.assertLessThan(SOON);
    release.countDown();
  }

  @Test
  void drainedSubscriptionGetsNothingMore() {
    Subscription subscription = echoingSubscription("group", new AtomicInteger());
    assertThat(request(subject, "").body()).isEmpty();
    assertThat(subscription.drain(PATIENCE)).isTrue();
    assertFails(Reason.NO_RESPONDERS, () -> request(subject, ""));
  }

  @Test
  void closedSubscriptionGetsNothingMore() {
    AtomicInteger calls = new AtomicInteger();
    Subscription subscription = echoingSubscription("group", calls);
    assertThat(request(subject, "").body()).isEmpty();
    subscription.close();
    subscription.close();
    request(echo(subject + ".barrier"), "");
    assertFails(Reason.NO_RESPONDERS, () -> request(subject, ""));
    assertThat(calls).hasValue(1);
  }

  @Test
  void otherMembersOfTheGroupGetTheRestAfterADrain() {
    AtomicInteger first = new AtomicInteger();
    AtomicInteger second = new AtomicInteger();
    Subscription leaving = echoingSubscription("group", first);
    echoingSubscription("group", second);
    IntStream.range(0, 50).forEach(i -> request(subject, ""));
    assertThat(leaving.drain(PATIENCE)).isTrue();
    int before = first.get();
    IntStream.range(0, 50).forEach(i -> request(subject, ""));
    assertThat(first).hasValue(before).hasPositiveValue();
    assertThat(first.get() + second.get()).isEqualTo(100);
  }

  @Test
  void drainUnderLoadFailsNoRequest() throws Exception {
    echoingSubscription("group", new AtomicInteger());
    for (int i = 0; i < 5; i++) {
      Subscription leaving = echoingSubscription("group", new AtomicInteger());
      Future<?> load = threads.submit(() -> IntStream.range(0, 200).forEach(n -> request(subject, "")));
      assertThat(leaving.drain(PATIENCE)).isTrue();
      load.get(10, SECONDS);
    }
  }

  @Test
  void closeEndsAWaitingRequestAtOnce() throws Exception {
    subscribe(subject);
    BlockingQueue<Thread> waiting = new LinkedBlockingQueue<>();
    Future<BrokerMessage> reply = threads.submit(() -> {
      waiting.add(Thread.currentThread());
      return requester.request(new BrokerMessage(subject, EMPTY), Duration.ofSeconds(60));
    });
    take();
    awaitParked(waiting.take());
    requester.close();
    assertThatExceptionOfType(ExecutionException.class).isThrownBy(() -> reply.get(SOON.toMillis(), MILLISECONDS))
        .havingCause().isInstanceOfSatisfying(BrokerException.class,
            e -> assertThat(e.reason()).isEqualTo(Reason.TIMEOUT));
  }

  @Test
  void closedTransportRefusesEverything() {
    echo(subject);
    requester.close();
    requester.close();
    assertThat(requester.isReady()).isFalse();
    assertFails(Reason.BROKER_UNAVAILABLE, () -> request(subject, ""));
    assertFails(Reason.BROKER_UNAVAILABLE, () -> publish(new BrokerMessage(subject, EMPTY)));
    assertThatIllegalStateException()
        .isThrownBy(() -> requester.subscribe(List.of(subject), "group", this::receive));
  }

  @Test
  void subscriptionOfAClosedTransportCanStillBeEnded() {
    Subscription drained = echoingSubscription("group", new AtomicInteger());
    Subscription closed = echoingSubscription("group", new AtomicInteger());
    worker.close();
    assertThat(drained.drain(PATIENCE)).isTrue();
    closed.close();
  }

  @Test
  void interruptedRequesterKeepsItsFlag() throws Exception {
    subscribe(subject);
    BlockingQueue<Thread> thread = new LinkedBlockingQueue<>();
    Future<Boolean> flag = threads.submit(() -> {
      thread.add(Thread.currentThread());
      assertFails(Reason.TIMEOUT, () -> requester.request(new BrokerMessage(subject, EMPTY), Duration.ofSeconds(60)));
      return Thread.interrupted();
    });
    take();
    Thread waiting = thread.take();
    awaitParked(waiting);
    waiting.interrupt();
    assertThat(flag.get(SOON.toMillis(), MILLISECONDS)).isTrue();
  }

  @Test
  void publishOfAnInterruptedThreadIsSent() throws Exception {
    subscribe(subject);
    Future<Boolean> flag = threads.submit(() -> {
      Thread.currentThread().interrupt();
      publish(BrokerMessage.of(subject, "sent"));
      return Thread.interrupted();
    });
    assertThat(flag.get(5, SECONDS)).isTrue();
    assertThat(take().text()).isEqualTo("sent");
  }

  @Test
  void openTransportIsReady() {
    assertThat(requester.isReady()).isTrue();
    echo(subject);
    assertThat(worker.isReady()).isTrue();
  }

  private void receive(BrokerMessage message, ReplyPath replies) {
    received.add(message);
  }

  private Subscription subscribe(String pattern) {
    return subscribe(pattern, this::receive);
  }

  private Subscription subscribe(String pattern, Receiver receiver) {
    return worker.subscribe(List.of(pattern), null, receiver);
  }

  /** Subscribes a worker that answers on the thread that it is called on. */
  private Subscription answer(String pattern, UnaryOperator<BrokerMessage> handler) {
    return subscribe(pattern, (message, replies) -> replies.send(handler.apply(message)));
  }

  private String echo(String pattern) {
    answer(pattern, message -> message.reply(message.body()));
    return pattern;
  }

  private Subscription echoingSubscription(String group, AtomicInteger calls) {
    return worker.subscribe(List.of(subject), group, (message, replies) -> {
      calls.incrementAndGet();
      replies.send(message.reply(message.body()));
    });
  }

  private BrokerMessage request(String subject, String body) {
    return requester.request(BrokerMessage.of(subject, body), PATIENCE);
  }

  private void publish(BrokerMessage message) {
    requester.publish(message);
  }

  /** Publishes and makes sure that the broker has seen it: it takes the messages of one connection in order. */
  private void publishAndConfirm(BrokerMessage message) {
    requester.publish(message);
    assertFails(Reason.NO_RESPONDERS, () -> request("nobody." + subject, ""));
  }

  private BrokerMessage take() {
    try {
      return received.take();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  private static void awaitParked(Thread thread) {
    Awaitility.await()
        .until(() -> thread.getState() == Thread.State.WAITING || thread.getState() == Thread.State.TIMED_WAITING);
  }

  /** After a drain a receiver has seen all it will ever see. */
  private static void drain(List<Subscription> subscriptions) {
    assertThat(subscriptions).allMatch(subscription -> subscription.drain(PATIENCE));
  }

  private static void await(CountDownLatch latch) {
    try {
      latch.await();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private static void assertFails(Reason reason, Runnable call) {
    assertThatExceptionOfType(BrokerException.class).isThrownBy(call::run)
        .extracting(BrokerException::reason).isEqualTo(reason);
  }
}
