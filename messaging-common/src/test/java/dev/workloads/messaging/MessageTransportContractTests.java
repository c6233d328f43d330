package dev.workloads.messaging;

import static java.util.concurrent.TimeUnit.MILLISECONDS;
import static java.util.concurrent.TimeUnit.SECONDS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.workloads.messaging.BrokerException.Reason;
import dev.workloads.messaging.MessageTransport.Subscription;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
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
    subscribe(subject, message -> worker.publish(message.reply(bytes("re: " + text(message)))));
    BrokerMessage reply = request(subject, "hello");
    assertThat(text(reply)).isEqualTo("re: hello");
    assertThat(reply.replyTo()).isNull();
    assertThat(reply.headers()).isEmpty();
  }

  @Test
  void receiverSeesSubjectBodyHeadersAndAReplyTo() {
    subscribe(subject, this::receiveAndReply);
    requester.request(new BrokerMessage(subject, bytes("body"), "ignored", Map.of("Name", List.of("value"))), PATIENCE);
    BrokerMessage message = take();
    assertThat(message)
        .isEqualTo(new BrokerMessage(subject, bytes("body"), message.replyTo(), Map.of("Name", List.of("value"))));
    assertThat(message.replyTo()).isNotNull().isNotEqualTo("ignored");
  }

  @Test
  void publishedMessageKeepsItsReplyToOrItsLackOfOne() {
    subscribe(subject, received::add);
    requester.publish(new BrokerMessage(subject, bytes("one")));
    requester.publish(new BrokerMessage(subject, bytes("two"), "reply.here", Map.of()));
    assertThat(take()).isEqualTo(new BrokerMessage(subject, bytes("one")));
    assertThat(take()).isEqualTo(new BrokerMessage(subject, bytes("two"), "reply.here", Map.of()));
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
    assertThat(text(request(subject, "still there"))).isEqualTo("still there");
  }

  @Test
  void headersPassBothWays() {
    subscribe(subject, message -> worker.publish(
        new BrokerMessage(message.requireReplyTo(), EMPTY, null, message.headers())));
    Map<String, List<String>> headers = Map.of("traceparent", List.of("00-1-2-01"), "Several", List.of("b", "a", "b"),
        "several", List.of("other case"), "Empty", List.of(""), "Odd", List.of("a: b\tc, \"d\" ~"));
    BrokerMessage reply = requester.request(new BrokerMessage(subject, EMPTY, null, headers), PATIENCE);
    assertThat(reply.headers()).isEqualTo(headers);
  }

  @Test
  void errorReplyIsReturnedLikeAnyOther() {
    ErrorReply error = new ErrorReply(400, "bad input");
    subscribe(subject, message -> worker.publish(error.toMessage(message.requireReplyTo())));
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
    subscribe(">", message -> {
      received.add(message);
      worker.publish(message.reply(EMPTY));
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
        .isThrownBy(() -> worker.subscribe(List.of(subject, malformed), "group", received::add));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> worker.subscribe(List.of(malformed), null, received::add));
  }

  @Test
  void malformedGroupAndLackOfPatternsAreRefused() {
    assertThatIllegalArgumentException().isThrownBy(() -> worker.subscribe(List.of(subject), "a b", received::add));
    assertThatIllegalArgumentException().isThrownBy(() -> worker.subscribe(List.of(subject), "", received::add));
    assertThatIllegalArgumentException().isThrownBy(() -> worker.subscribe(List.of(), "group", received::add));
  }

  @Test
  void starStandsForOneToken() {
    echo(subject + ".*.end");
    assertThat(text(request(subject + ".a.end", "1"))).isEqualTo("1");
    for (String other : List.of(".end", ".a", ".a.b.end", ".a.end.b", "")) {
      assertFails(Reason.NO_RESPONDERS, () -> request(subject + other, ""));
    }
  }

  @Test
  void greaterThanStandsForOneOrMoreTokens() {
    echo(subject + ".>");
    assertThat(text(request(subject + ".a", "1"))).isEqualTo("1");
    assertThat(text(request(subject + ".a.b.c", "2"))).isEqualTo("2");
    assertFails(Reason.NO_RESPONDERS, () -> request(subject, ""));
    assertFails(Reason.NO_RESPONDERS, () -> request(subject + "x.a", ""));
  }

  @Test
  void membersOfAGroupShareTheMessages() {
    List<BlockingQueue<String>> perMember =
        List.of(new LinkedBlockingQueue<>(), new LinkedBlockingQueue<>(), new LinkedBlockingQueue<>());
    List<Subscription> members = perMember.stream().map(messages -> worker.subscribe(List.of(subject), "group",
        message -> {
          messages.add(text(message));
          worker.publish(message.reply(EMPTY));
        })).toList();
    List<String> sent = IntStream.range(0, 300).mapToObj(Integer::toString).toList();
    sent.forEach(body -> request(subject, body));
    drain(members);
    assertThat(perMember.stream().flatMap(BlockingQueue::stream)).containsExactlyInAnyOrderElementsOf(sent);
    assertThat(perMember).noneMatch(BlockingQueue::isEmpty);
  }

  @Test
  void everyGroupGetsTheMessage() {
    Subscription one = worker.subscribe(List.of(subject), "one", received::add);
    Subscription two = worker.subscribe(List.of(subject), "two", received::add);
    publishAndConfirm(new BrokerMessage(subject, bytes("1")));
    drain(List.of(one, two));
    assertThat(received).extracting(MessageTransportContractTests::text).containsExactly("1", "1");
  }

  @Test
  void overlappingPatternsOfOneGroupDeliverOnce() {
    Subscription subscription =
        worker.subscribe(List.of(subject + ".>", subject + ".*", subject + ".a"), "group", received::add);
    for (int i = 0; i < 50; i++) {
      publishAndConfirm(new BrokerMessage(subject + ".a", bytes("message")));
    }
    drain(List.of(subscription));
    assertThat(received).hasSize(50);
  }

  @Test
  void withoutGroupEveryMemberGetsEveryMessage() {
    BlockingQueue<BrokerMessage> others = new LinkedBlockingQueue<>();
    Subscription one = subscribe(subject + ".a", received::add);
    Subscription two = worker.subscribe(List.of(subject + ".b", subject + ".a"), null, others::add);
    List<BrokerMessage> messages = IntStream.range(0, 20)
        .mapToObj(i -> new BrokerMessage(subject + ".a", bytes("" + i))).toList();
    messages.forEach(this::publishAndConfirm);
    drain(List.of(one, two));
    assertThat(received).containsExactlyElementsOf(messages);
    assertThat(others).containsExactlyElementsOf(messages);
  }

  @Test
  void overlappingPatternsWithoutGroupAreRefused() {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> worker.subscribe(List.of(subject + ".*", subject + ".a"), null, received::add))
        .withMessageContaining("overlap");
    assertFails(Reason.NO_RESPONDERS, () -> request(subject + ".a", ""));
  }

  @Test
  void requestWithoutSubscriberFailsAtOnce() {
    request(echo(subject), "warms up");
    long start = System.nanoTime();
    assertFails(Reason.NO_RESPONDERS, () -> request(subject + ".nobody", ""));
    assertThat(since(start)).isLessThan(Duration.ofMillis(500));
  }

  @Test
  void publishNeedsNoSubscriber() {
    publish(new BrokerMessage(subject, EMPTY));
    publish(new BrokerMessage(subject, EMPTY, "reply.here", Map.of()));
    assertThat(text(request(echo(subject), "still works"))).isEqualTo("still works");
  }

  @Test
  void requestWithoutReplyTimesOutNeverEarly() {
    subscribe(subject, received::add);
    for (int millis : List.of(1, 50, 120, 333)) {
      long start = System.nanoTime();
      assertFails(Reason.TIMEOUT,
          () -> requester.request(new BrokerMessage(subject, EMPTY), Duration.ofMillis(millis)));
      assertThat(since(start)).isBetween(Duration.ofMillis(millis), Duration.ofMillis(millis).plus(SOON));
    }
  }

  @Test
  void firstReplyWins() {
    subscribe(subject, message -> {
      worker.publish(message.reply(bytes("first " + text(message))));
      worker.publish(message.reply(bytes("second " + text(message))));
    });
    for (int i = 0; i < 100; i++) {
      assertThat(text(request(subject, "" + i))).isEqualTo("first " + i);
    }
  }

  @Test
  void lateReplyReachesNobody() {
    subscribe(subject + ".late", received::add);
    echo(subject);
    assertFails(Reason.TIMEOUT,
        () -> requester.request(new BrokerMessage(subject + ".late", EMPTY), Duration.ofMillis(50)));
    BrokerMessage late = take();
    worker.publish(late.reply(bytes("late")));
    for (int i = 0; i < 20; i++) {
      assertThat(text(request(subject, "" + i))).isEqualTo("" + i);
    }
  }

  @Test
  void concurrentRequestsGetTheirOwnReplies() throws Exception {
    worker.subscribe(List.of(subject), "group", message -> threads.execute(
        () -> worker.publish(message.reply(message.body()))));
    List<Callable<String>> requests = IntStream.range(0, 500).mapToObj(i -> (Callable<String>) () -> {
      String body = "body " + i;
      return text(request(subject, body)).equals(body) ? "own" : "another's";
    }).toList();
    for (Future<String> outcome : threads.invokeAll(requests)) {
      assertThat(outcome.get()).isEqualTo("own");
    }
  }

  @Test
  void failureOfAReceiverHarmsNoOtherMessage() {
    subscribe(subject, message -> {
      if (text(message).equals("bad")) {
        throw new IllegalStateException("the receiver fails");
      }
      worker.publish(message.reply(EMPTY));
    });
    publish(new BrokerMessage(subject, bytes("bad")));
    assertThat(request(subject, "good").body()).isEmpty();
  }

  @Test
  void drainWaitsForTheReceiver() throws Exception {
    CountDownLatch release = new CountDownLatch(1);
    Subscription subscription = subscribe(subject, message -> {
      received.add(message);
      await(release);
      worker.publish(message.reply(bytes("done")));
    });
    Future<BrokerMessage> reply = threads.submit(() -> request(subject, ""));
    take();
    Future<Boolean> drained = threads.submit(() -> subscription.drain(PATIENCE));
    assertThatThrownBy(() -> drained.get(200, MILLISECONDS)).isInstanceOf(TimeoutException.class);
    release.countDown();
    assertThat(drained.get(5, SECONDS)).isTrue();
    assertThat(text(reply.get(5, SECONDS))).isEqualTo("done");
    assertThat(subscription.drain(PATIENCE)).isTrue();
  }

  @Test
  void drainGivesUpAfterItsTimeout() {
    CountDownLatch release = new CountDownLatch(1);
    Subscription subscription = subscribe(subject, message -> {
      received.add(message);
      await(release);
    });
    threads.execute(() -> publish(new BrokerMessage(subject, EMPTY)));
    take();
    long start = System.nanoTime();
    assertThat(subscription.drain(Duration.ofMillis(200))).isFalse();
    assertThat(since(start)).isLessThan(SOON);
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
    subscribe(subject, received::add);
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
        .isThrownBy(() -> requester.subscribe(List.of(subject), "group", received::add));
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
    subscribe(subject, received::add);
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
    subscribe(subject, received::add);
    Future<Boolean> flag = threads.submit(() -> {
      Thread.currentThread().interrupt();
      publish(new BrokerMessage(subject, bytes("sent")));
      return Thread.interrupted();
    });
    assertThat(flag.get(5, SECONDS)).isTrue();
    assertThat(text(take())).isEqualTo("sent");
  }

  @Test
  void openTransportIsReady() {
    assertThat(requester.isReady()).isTrue();
    echo(subject);
    assertThat(worker.isReady()).isTrue();
  }

  private Subscription subscribe(String pattern, Consumer<BrokerMessage> receiver) {
    return worker.subscribe(List.of(pattern), null, receiver);
  }

  private String echo(String pattern) {
    subscribe(pattern, message -> {
      if (message.replyTo() != null) {
        worker.publish(message.reply(message.body()));
      }
    });
    return pattern;
  }

  private Subscription echoingSubscription(String group, AtomicInteger calls) {
    return worker.subscribe(List.of(subject), group, message -> {
      calls.incrementAndGet();
      worker.publish(message.reply(message.body()));
    });
  }

  private void receiveAndReply(BrokerMessage message) {
    received.add(message);
    worker.publish(message.reply(EMPTY));
  }

  private BrokerMessage request(String subject, String body) {
    return requester.request(new BrokerMessage(subject, bytes(body)), PATIENCE);
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
      BrokerMessage message = received.poll(PATIENCE.toSeconds(), SECONDS);
      assertThat(message).as("message within " + PATIENCE).isNotNull();
      return message;
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  private static void awaitParked(Thread thread) {
    Awaitility.await().pollInterval(Duration.ofMillis(5))
        .until(() -> thread.getState() == Thread.State.WAITING || thread.getState() == Thread.State.TIMED_WAITING);
  }

  /** After a drain a receiver has seen all it will ever see. */
  private static void drain(List<Subscription> subscriptions) {
    assertThat(subscriptions).allMatch(subscription -> subscription.drain(PATIENCE));
  }

  private static void await(CountDownLatch latch) {
    try {
      assertThat(latch.await(PATIENCE.toSeconds(), SECONDS)).isTrue();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private static void assertFails(Reason reason, Runnable call) {
    assertThatExceptionOfType(BrokerException.class).isThrownBy(call::run)
        .extracting(BrokerException::reason).isEqualTo(reason);
  }

  private static Duration since(long start) {
    return Duration.ofNanos(System.nanoTime() - start);
  }

  private static String text(BrokerMessage message) {
    return new String(message.body(), StandardCharsets.UTF_8);
  }

  private static byte[] bytes(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }
}
