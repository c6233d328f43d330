package dev.workloads.messaging;

import static java.util.concurrent.TimeUnit.SECONDS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.workloads.messaging.BrokerException.Reason;
import dev.workloads.messaging.MessagingClient.AwaitedReply;
import dev.workloads.messaging.inprocess.InProcessTransport;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.EnumSource.Mode;

class MessagingClientTests {

  private static final Duration TIMEOUT = Duration.ofSeconds(5);
  private static final Duration WINDOW = Duration.ofMillis(250);
  private static final byte[] EMPTY = {};

  private final InProcessTransport transport = new InProcessTransport();
  private final BlockingQueue<BrokerMessage> received = new LinkedBlockingQueue<>();

  @Test
  void requestReturnsTheReply() {
    subscribe("a", message -> transport.publish(message.reply(message.body())));
    byte[] body = "payload".getBytes(StandardCharsets.UTF_8);
    assertThat(new MessagingClient(transport, WINDOW).request("a", body, TIMEOUT).body()).isEqualTo(body);
  }

  @Test
  void requestTellsHowLongItWaits() {
    receiveAndReply("a");
    new MessagingClient(transport, WINDOW).request("a", EMPTY, Duration.ofNanos(1_999_999_999));
    assertThat(received.remove().headers()).containsExactly(Map.entry("Request-Timeout", List.of("1999")));
  }

  @Test
  void shortWaitIsToldAsAMillisecond() {
    receiveAndReply("a");
    new MessagingClient(transport, Duration.ZERO).request("a", EMPTY, Duration.ofNanos(999_999));
    assertThat(received.remove().header("Request-Timeout")).isEqualTo("1");
  }

  @Test
  void requestKeepsItsOwnHeaders() {
    receiveAndReply("a");
    BrokerMessage message = new BrokerMessage("a", EMPTY, null,
        Map.of("traceparent", List.of("x"), "Several", List.of("1", "2"), "Request-Timeout", List.of("7", "8")));
    new MessagingClient(transport, WINDOW).request(message, TIMEOUT);
    assertThat(received.remove().headers()).isEqualTo(Map.of("traceparent", List.of("x"), "Several", List.of("1", "2"),
        "Request-Timeout", List.of("5000")));
    assertThat(message.header("Request-Timeout")).isEqualTo("7");
  }

  @ParameterizedTest
  @EnumSource(names = {"NO_RESPONDERS", "BROKER_UNAVAILABLE", "OVERLOADED"})
  void whatWasNotProcessedIsTriedAgain(Reason reason) {
    Scripted scripted = new Scripted(reason, 3);
    assertThat(new MessagingClient(scripted, TIMEOUT).request("a", EMPTY, TIMEOUT).subject()).isEqualTo("reply");
    assertThat(scripted.requests).hasSize(4);
  }

  @ParameterizedTest
  @EnumSource(mode = Mode.EXCLUDE, names = {"NO_RESPONDERS", "BROKER_UNAVAILABLE", "OVERLOADED"})
  void whatMayHaveBeenProcessedIsNotTriedAgain(Reason reason) {
    Scripted scripted = new Scripted(reason, 1);
    assertFails(reason, () -> new MessagingClient(scripted, TIMEOUT).request("a", EMPTY, TIMEOUT));
    assertThat(scripted.requests).hasSize(1);
  }

  @Test
  void zeroWindowFailsAtTheFirstTry() {
    Scripted scripted = new Scripted(Reason.NO_RESPONDERS, 1);
    assertFails(Reason.NO_RESPONDERS, () -> new MessagingClient(scripted, Duration.ZERO).request("a", EMPTY, TIMEOUT));
    assertThat(scripted.requests).hasSize(1);
  }

  @Test
  void triesEndWithTheWindow() {
    Scripted scripted = new Scripted(Reason.NO_RESPONDERS, Integer.MAX_VALUE);
    long start = System.nanoTime();
    assertFails(Reason.NO_RESPONDERS, () -> new MessagingClient(scripted, WINDOW).request("a", EMPTY, TIMEOUT));
    assertThat(Duration.ofNanos(System.nanoTime() - start)).isBetween(Duration.ofMillis(150), Duration.ofSeconds(2));
    assertThat(scripted.remaining).allSatisfy(left -> assertThat(left).isGreaterThan(TIMEOUT.minus(WINDOW)));
    // Pauses grow from 5 to 50 ms: no storm of tries, but several
    assertThat(scripted.requests).hasSizeBetween(4, 20);
  }

  @Test
  void fullWorkerIsTriedAFewTimesOnly() {
    Scripted scripted = new Scripted(Reason.OVERLOADED, Integer.MAX_VALUE);
    assertFails(Reason.OVERLOADED, () -> new MessagingClient(scripted, WINDOW).request("a", EMPTY, TIMEOUT));
    // Pauses of at least 10, 20, 40, 80 and 100 ms
    assertThat(scripted.requests).hasSizeBetween(2, 5);
  }

  @Test
  void triesEndWithTheRequestsOwnDeadline() {
    Scripted scripted = new Scripted(Reason.OVERLOADED, Integer.MAX_VALUE);
    long start = System.nanoTime();
    assertFails(Reason.OVERLOADED,
        () -> new MessagingClient(scripted, Duration.ofSeconds(30)).request("a", EMPTY, Duration.ofMillis(100)));
    assertThat(Duration.ofNanos(System.nanoTime() - start)).isLessThan(Duration.ofSeconds(2));
    assertThat(scripted.remaining).allSatisfy(left -> assertThat(left).isPositive());
  }

  @Test
  void eachTryWaitsAndTellsOnlyWhatIsLeft() {
    Scripted scripted = new Scripted(Reason.NO_RESPONDERS, 5);
    new MessagingClient(scripted, TIMEOUT).request("a", EMPTY, TIMEOUT);
    List<Duration> remaining = List.copyOf(scripted.remaining);
    assertThat(remaining).hasSize(6).isSortedAccordingTo((left, right) -> right.compareTo(left));
    assertThat(remaining.get(0)).isEqualTo(TIMEOUT);
    assertThat(remaining.get(5)).isLessThan(TIMEOUT.minusMillis(20));
    assertThat(scripted.requests).extracting(message -> message.headers().get("Request-Timeout"))
        .containsExactlyElementsOf(remaining.stream().map(left -> List.of(Long.toString(left.toMillis()))).toList());
  }

  @Test
  void interruptEndsTheTries() throws Exception {
    ExecutorService thread = Executors.newSingleThreadExecutor();
    try {
      Scripted scripted = new Scripted(Reason.NO_RESPONDERS, Integer.MAX_VALUE);
      Future<Boolean> flag = thread.submit(() -> {
        Thread.currentThread().interrupt();
        assertFails(Reason.NO_RESPONDERS, () -> new MessagingClient(scripted, TIMEOUT).request("a", EMPTY, TIMEOUT));
        return Thread.interrupted();
      });
      assertThat(flag.get(5, SECONDS)).isTrue();
      assertThat(scripted.requests).hasSize(1);
    } finally {
      thread.shutdownNow();
    }
  }

  @Test
  void fullWorkerIsTriedAgainUntilItHasRoom() {
    AtomicInteger calls = new AtomicInteger();
    subscribe("a", message -> transport.publish(calls.incrementAndGet() < 3
        ? ErrorReply.full().toMessage(message.requireReplyTo()) : message.reply(EMPTY)));
    assertThat(new MessagingClient(transport, TIMEOUT).request("a", EMPTY, TIMEOUT).body()).isEmpty();
    assertThat(calls).hasValue(3);
  }

  @ParameterizedTest
  @CsvSource({"503,OVERLOADED", "400,HANDLER_FAILED", "500,HANDLER_FAILED", "404,HANDLER_FAILED",
      "nonsense,HANDLER_FAILED", ",HANDLER_FAILED"})
  void errorReplyFailsTheRequest(@Nullable String code, Reason reason) {
    Map<String, List<String>> headers = new HashMap<>(Map.of("Nats-Service-Error", List.of("why\tit failed")));
    if (code != null) {
      headers.put("Nats-Service-Error-Code", List.of(code));
    }
    subscribe("a", message -> {
      received.add(message);
      transport.publish(new BrokerMessage(message.requireReplyTo(), EMPTY, null, headers));
    });
    assertThatExceptionOfType(BrokerException.class)
        .isThrownBy(() -> new MessagingClient(transport, Duration.ZERO).request("a", EMPTY, TIMEOUT))
        .withMessage("why it failed")
        .extracting(BrokerException::reason).isEqualTo(reason);
    assertThat(received).hasSize(1);
  }

  @Test
  void errorTextOfAForeignWorkerIsSanitised() {
    Scripted scripted = new Scripted(Reason.TIMEOUT, 0) {
      @Override
      public BrokerMessage request(BrokerMessage message, Duration timeout) {
        return new BrokerMessage("reply", EMPTY, null,
            Map.of("Nats-Service-Error", List.of("\u00e4\r\nInjected: " + "x".repeat(300))));
      }
    };
    assertThatExceptionOfType(BrokerException.class)
        .isThrownBy(() -> new MessagingClient(scripted, WINDOW).request("a", EMPTY, TIMEOUT))
        .satisfies(e -> assertThat(e.getMessage()).startsWith("?  Injected: xxx").hasSize(256));
  }

  @Test
  void nonsenseIsRefused() {
    MessagingClient client = new MessagingClient(transport, WINDOW);
    assertThatIllegalArgumentException().isThrownBy(() -> client.request("a", EMPTY, Duration.ZERO));
    assertThatIllegalArgumentException().isThrownBy(() -> client.request("a", EMPTY, Duration.ofMillis(-1)));
    assertThatIllegalArgumentException().isThrownBy(() -> client.request("a.*", EMPTY, TIMEOUT));
    assertThatIllegalArgumentException().isThrownBy(() -> new MessagingClient(transport, Duration.ofMillis(-1)));
  }

  @Test
  void publishIsNotTriedAgain() {
    Scripted scripted = new Scripted(Reason.BROKER_UNAVAILABLE, 1);
    assertFails(Reason.BROKER_UNAVAILABLE,
        () -> new MessagingClient(scripted, TIMEOUT).publish(new BrokerMessage("a", EMPTY)));
    assertThat(scripted.published).hasSize(1);
  }

  @Test
  void awaitedReplyWaitsForTheConnection() {
    Scripted scripted = new Scripted(Reason.BROKER_UNAVAILABLE, 4);
    MessagingClient client = new MessagingClient(scripted, Duration.ZERO);
    try (AwaitedReply awaited = client.awaitReply("inbox", TIMEOUT)) {
      assertThat(awaited.isSent()).isFalse();
      client.publish(new BrokerMessage("inbox", EMPTY));
      assertThat(awaited.isSent()).isTrue();
    }
    assertThat(scripted.published).hasSize(5);
  }

  @Test
  void awaitedReplyIsGivenUpWithItsRequester() {
    Scripted scripted = new Scripted(Reason.BROKER_UNAVAILABLE, Integer.MAX_VALUE);
    MessagingClient client = new MessagingClient(scripted, Duration.ZERO);
    long start = System.nanoTime();
    try (AwaitedReply awaited = client.awaitReply("inbox", Duration.ofMillis(150))) {
      assertFails(Reason.BROKER_UNAVAILABLE, () -> client.publish(new BrokerMessage("inbox", EMPTY)));
      assertThat(awaited.isSent()).isFalse();
    }
    assertThat(Duration.ofNanos(System.nanoTime() - start)).isBetween(Duration.ofMillis(75), Duration.ofSeconds(2));
    assertThat(scripted.published).hasSizeGreaterThan(2);
  }

  @Test
  void awaitedReplyThatIsTooLargeFailsAtOnce() {
    Scripted scripted = new Scripted(Reason.PAYLOAD_TOO_LARGE, 1);
    MessagingClient client = new MessagingClient(scripted, Duration.ZERO);
    try (AwaitedReply awaited = client.awaitReply("inbox", TIMEOUT)) {
      assertFails(Reason.PAYLOAD_TOO_LARGE, () -> client.publish(new BrokerMessage("inbox", EMPTY)));
      assertThat(awaited.isSent()).isFalse();
    }
  }

  @Test
  void repliesToTheSameSubjectAreToldApartByTheirThreads() throws Exception {
    ExecutorService thread = Executors.newSingleThreadExecutor();
    MessagingClient client = new MessagingClient(new Scripted(Reason.TIMEOUT, 0), Duration.ZERO);
    try (AwaitedReply mine = client.awaitReply("inbox", TIMEOUT);
        AwaitedReply others = thread.submit(() -> client.awaitReply("inbox", TIMEOUT)).get()) {
      client.publish(new BrokerMessage("inbox", EMPTY));
      assertThat(mine.isSent()).isTrue();
      assertThat(others.isSent()).isFalse();
      thread.submit(() -> client.publish(new BrokerMessage("inbox", EMPTY))).get();
      assertThat(others.isSent()).isTrue();
    } finally {
      thread.shutdownNow();
    }
  }

  @Test
  void replyFromAThreadOfTheHandlersOwnIsItsReply() throws Exception {
    ExecutorService thread = Executors.newSingleThreadExecutor();
    MessagingClient client = new MessagingClient(new Scripted(Reason.TIMEOUT, 0), Duration.ZERO);
    try (AwaitedReply replied = client.awaitReply("inbox", TIMEOUT)) {
      thread.submit(() -> client.publish(new BrokerMessage("inbox", EMPTY))).get();
      assertThat(replied.isSent()).isTrue();
    } finally {
      thread.shutdownNow();
    }
  }

  @Test
  void onlyTheAwaitedReplyWaits() {
    Scripted scripted = new Scripted(Reason.BROKER_UNAVAILABLE, 2);
    MessagingClient client = new MessagingClient(scripted, Duration.ZERO);
    try (AwaitedReply awaited = client.awaitReply("inbox", TIMEOUT)) {
      assertFails(Reason.BROKER_UNAVAILABLE, () -> client.publish(new BrokerMessage("other", EMPTY)));
      assertThat(awaited.isSent()).isFalse();
    }
    assertFails(Reason.BROKER_UNAVAILABLE, () -> client.publish(new BrokerMessage("inbox", EMPTY)));
    assertThat(scripted.published).hasSize(2);
  }

  private void receiveAndReply(String subject) {
    subscribe(subject, message -> {
      received.add(message);
      transport.publish(message.reply(EMPTY));
    });
  }

  private void subscribe(String subject, Consumer<BrokerMessage> receiver) {
    transport.subscribe(List.of(subject), "group", receiver);
  }

  private static void assertFails(Reason reason, Runnable call) {
    assertThatExceptionOfType(BrokerException.class).isThrownBy(call::run)
        .extracting(BrokerException::reason).isEqualTo(reason);
  }

  /** A transport that fails so many times before it succeeds. */
  private static class Scripted implements MessageTransport {

    private final Reason reason;
    private final AtomicInteger failures;
    private final Queue<BrokerMessage> requests = new ConcurrentLinkedQueue<>();
    private final Queue<Duration> remaining = new ConcurrentLinkedQueue<>();
    private final Queue<BrokerMessage> published = new ConcurrentLinkedQueue<>();

    Scripted(Reason reason, int failures) {
      this.reason = reason;
      this.failures = new AtomicInteger(failures);
    }

    @Override
    public void publish(BrokerMessage message) {
      published.add(message);
      failIfDue();
    }

    @Override
    public BrokerMessage request(BrokerMessage message, Duration timeout) {
      requests.add(message);
      remaining.add(timeout);
      failIfDue();
      return new BrokerMessage("reply", EMPTY);
    }

    private void failIfDue() {
      if (failures.getAndDecrement() > 0) {
        throw new BrokerException(reason, "scripted");
      }
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
    public void close() {}
  }
}
