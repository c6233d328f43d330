package dev.workloads.messaging;

import static java.util.concurrent.TimeUnit.SECONDS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.workloads.messaging.BrokerException.Reason;
import dev.workloads.messaging.inprocess.InProcessTransport;
import dev.workloads.messaging.testing.ScriptedTransport;
import dev.workloads.messaging.testing.Stopwatch;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.UnaryOperator;
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
    subscribe("a", message -> message.reply(message.body()));
    BrokerMessage request = BrokerMessage.of("a", "payload");
    assertThat(new MessagingClient(transport, WINDOW).request(request, TIMEOUT).text()).isEqualTo("payload");
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
  @EnumSource(names = {"NO_RESPONDERS", "BROKER_UNAVAILABLE"})
  void whatWasNotProcessedIsTriedAgain(Reason reason) {
    ScriptedTransport scripted = new ScriptedTransport().failing(reason, 3);
    assertThat(new MessagingClient(scripted, TIMEOUT).request("a", EMPTY, TIMEOUT).subject()).isEqualTo("a");
    assertThat(scripted.tries()).hasSize(4);
  }

  @ParameterizedTest
  @EnumSource(mode = Mode.EXCLUDE, names = {"NO_RESPONDERS", "BROKER_UNAVAILABLE"})
  void whatMayHaveBeenProcessedIsNotTriedAgain(Reason reason) {
    ScriptedTransport scripted = new ScriptedTransport().failing(reason, 1);
    assertFails(reason, () -> new MessagingClient(scripted, TIMEOUT).request("a", EMPTY, TIMEOUT));
    assertThat(scripted.tries()).hasSize(1);
  }

  @Test
  void zeroWindowFailsAtTheFirstTry() {
    ScriptedTransport scripted = new ScriptedTransport().failing(Reason.NO_RESPONDERS, 1);
    assertFails(Reason.NO_RESPONDERS, () -> new MessagingClient(scripted, Duration.ZERO).request("a", EMPTY, TIMEOUT));
    assertThat(scripted.tries()).hasSize(1);
  }

  @Test
  void triesEndWithTheWindow() {
    ScriptedTransport scripted = new ScriptedTransport().failing(Reason.NO_RESPONDERS, Integer.MAX_VALUE);
    Stopwatch watch = Stopwatch.start();
    assertFails(Reason.NO_RESPONDERS, () -> new MessagingClient(scripted, WINDOW).request("a", EMPTY, TIMEOUT));
    watch.assertBetween(Duration.ofMillis(150), Duration.ofSeconds(2));
    assertThat(scripted.timeouts()).allSatisfy(left -> assertThat(left).isGreaterThan(TIMEOUT.minus(WINDOW)));
    // Pauses grow from 5 to 50 ms: no storm of tries, but several
    assertThat(scripted.tries()).hasSizeBetween(4, 20);
  }

  @Test
  void fullWorkerIsTriedAFewTimesOnly() {
    ScriptedTransport scripted = new ScriptedTransport();
    scripted.answer(request -> ErrorReply.full().toMessage());
    assertFails(Reason.OVERLOADED, () -> new MessagingClient(scripted, WINDOW).request("a", EMPTY, TIMEOUT));
    // Pauses of at least 10, 20, 40, 80 and 100 ms
    assertThat(scripted.tries()).hasSizeBetween(2, 5);
  }

  @Test
  void triesEndWithTheRequestsOwnDeadline() {
    ScriptedTransport scripted = new ScriptedTransport();
    scripted.answer(request -> ErrorReply.full().toMessage());
    Stopwatch watch = Stopwatch.start();
    assertFails(Reason.OVERLOADED,
        () -> new MessagingClient(scripted, Duration.ofSeconds(30)).request("a", EMPTY, Duration.ofMillis(100)));
    watch.assertLessThan(Duration.ofSeconds(2));
    assertThat(scripted.timeouts()).allSatisfy(left -> assertThat(left).isPositive());
  }

  @Test
  void eachTryWaitsAndTellsOnlyWhatIsLeft() {
    ScriptedTransport scripted = new ScriptedTransport().failing(Reason.NO_RESPONDERS, 5);
    new MessagingClient(scripted, TIMEOUT).request("a", EMPTY, TIMEOUT);
    List<Duration> remaining = List.copyOf(scripted.timeouts());
    assertThat(remaining).hasSize(6).isSortedAccordingTo((left, right) -> right.compareTo(left));
    assertThat(remaining.get(0)).isEqualTo(TIMEOUT);
    assertThat(remaining.get(5)).isLessThan(TIMEOUT.minusMillis(20));
    assertThat(scripted.tries()).extracting(message -> message.headers().get("Request-Timeout"))
        .containsExactlyElementsOf(remaining.stream().map(left -> List.of(Long.toString(left.toMillis()))).toList());
  }

  @Test
  void interruptEndsTheTries() throws Exception {
    ExecutorService thread = Executors.newSingleThreadExecutor();
    try {
      ScriptedTransport scripted = new ScriptedTransport().failing(Reason.NO_RESPONDERS, Integer.MAX_VALUE);
      Future<Boolean> flag = thread.submit(() -> {
        Thread.currentThread().interrupt();
        assertFails(Reason.NO_RESPONDERS, () -> new MessagingClient(scripted, TIMEOUT).request("a", EMPTY, TIMEOUT));
        return Thread.interrupted();
      });
      assertThat(flag.get(5, SECONDS)).isTrue();
      assertThat(scripted.tries()).hasSize(1);
    } finally {
      thread.shutdownNow();
    }
  }

  @Test
  void fullWorkerIsTriedAgainUntilItHasRoom() {
    AtomicInteger calls = new AtomicInteger();
    subscribe("a", message -> calls.incrementAndGet() < 3
        ? new BrokerMessage(message.reply(EMPTY).subject(), EMPTY, null, ErrorReply.full().toMessage().headers())
        : message.reply(EMPTY));
    assertThat(new MessagingClient(transport, TIMEOUT).request("a", EMPTY, TIMEOUT).body()).isEmpty();
    assertThat(calls).hasValue(3);
  }

  @ParameterizedTest
  @CsvSource({"503,OVERLOADED,503", "400,HANDLER_REJECTED,400", "404,HANDLER_REJECTED,404", "499,HANDLER_REJECTED,499",
      "500,HANDLER_FAILED,500", "399,HANDLER_FAILED,399", "nonsense,HANDLER_FAILED,500", ",HANDLER_FAILED,500"})
  void errorReplyFailsTheRequestAtOnce(@Nullable String code, Reason reason, int expected) {
    Map<String, List<String>> headers = new HashMap<>(Map.of("Nats-Service-Error", List.of("why\tit failed")));
    if (code != null) {
      headers.put("Nats-Service-Error-Code", List.of(code));
    }
    subscribe("a", message -> {
      received.add(message);
      return new BrokerMessage(message.reply(EMPTY).subject(), EMPTY, null, headers);
    });
    assertThatExceptionOfType(BrokerException.class)
        .isThrownBy(() -> new MessagingClient(transport, TIMEOUT).request("a", EMPTY, TIMEOUT))
        .withMessage("why it failed")
        .satisfies(e -> assertThat(e.code()).isEqualTo(expected))
        .extracting(BrokerException::reason).isEqualTo(reason);
    assertThat(received).hasSize(1); // a 503 is no proof by itself that nothing was processed
  }

  @Test
  void errorTextOfAForeignWorkerKeepsItsLettersAndNothingElse() {
    ScriptedTransport scripted = new ScriptedTransport();
    scripted.answer(request -> request.reply(EMPTY)
        .withHeader("nats-service-error", "Gr\u00f6\u00dfe \u6f22\r\nInjected\u202e\u0000: " + "x".repeat(300)));
    assertThatExceptionOfType(BrokerException.class)
        .isThrownBy(() -> new MessagingClient(scripted, WINDOW).request("a", EMPTY, TIMEOUT))
        .satisfies(e -> assertThat(e.getMessage()).startsWith("Gr\u00f6\u00dfe \u6f22  Injected??: xxx").hasSize(256));
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
  void triesOfARequestAreSeenAsOneFromAround() {
    ScriptedTransport scripted = new ScriptedTransport().failing(Reason.NO_RESPONDERS, 2);
    MessagingClient client = new MessagingClient(scripted, TIMEOUT, BodyConverter.plain(), next -> request -> {
      received.add(request);
      return next.handle(request.withHeader("Name", "added"));
    });
    assertThat(client.request("a", EMPTY, TIMEOUT).header("Name")).isEqualTo("added");
    assertThat(received).containsExactly(new BrokerMessage("a", EMPTY));
    assertThat(scripted.tries()).hasSize(3);
  }

  @Test
  void publishIsNotTriedAgain() {
    ScriptedTransport scripted = new ScriptedTransport().failing(Reason.BROKER_UNAVAILABLE, 1);
    assertFails(Reason.BROKER_UNAVAILABLE,
        () -> new MessagingClient(scripted, TIMEOUT).publish(new BrokerMessage("a", EMPTY)));
    assertThat(scripted.tries()).hasSize(1);
  }

  private void receiveAndReply(String subject) {
    subscribe(subject, message -> {
      received.add(message);
      return message.reply(EMPTY);
    });
  }

  private void subscribe(String subject, UnaryOperator<BrokerMessage> worker) {
    transport.subscribe(List.of(subject), "group", (message, replies) -> replies.send(worker.apply(message)));
  }

  private static void assertFails(Reason reason, Runnable call) {
    assertThatExceptionOfType(BrokerException.class).isThrownBy(call::run)
        .extracting(BrokerException::reason).isEqualTo(reason);
  }
}
