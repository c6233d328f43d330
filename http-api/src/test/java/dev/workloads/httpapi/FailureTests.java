package dev.workloads.httpapi;

import static org.assertj.core.api.Assertions.assertThat;

import dev.workloads.messaging.BrokerException;
import dev.workloads.messaging.BrokerMessage;
import dev.workloads.messaging.ErrorReply;
import dev.workloads.messaging.testing.ScriptedTransport;
import dev.workloads.messaging.testing.Stopwatch;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What becomes of messaging's failures, and of replies that only a foreign program sends. */
class FailureTests {

  private static final ScriptedTransport transport = new ScriptedTransport();

  @RegisterExtension
  static final HttpApi scripted = HttpApi.over(transport);
  @RegisterExtension
  static final HttpApi api = HttpApi.with();
  @RegisterExtension
  static final HttpApi impatient = HttpApi.with("task.request-timeout=400ms");

  @ParameterizedTest
  @CsvSource({
      "NO_RESPONDERS, 502, no-responders",
      "TIMEOUT, 502, timeout",
      "BROKER_UNAVAILABLE, 502, broker-unavailable",
      "PAYLOAD_TOO_LARGE, 413, payload-too-large",
      "HANDLER_REJECTED, 502, handler-rejected",
      "HANDLER_FAILED, 502, handler-failed",
      "OVERLOADED, 503, overloaded"})
  void everyFailureHasAStatusAndAReason(BrokerException.Reason failure, int status, String reason)
      throws IOException {
    transport.answer(request -> {
      throw new BrokerException(failure, "why", new IOException("nats://secret@host:4222"));
    });

    Answer json = scripted.task("w", "x");
    Answer text = scripted.post(HttpApi.json("w", "x"));

    assertThat(json.status()).isEqualTo(status);
    assertThat(json.reason()).isEqualTo(reason);
    assertThat(json.detail()).isEqualTo("why");
    assertThat(json.text()).doesNotContain("secret");
    assertThat(text.status()).isEqualTo(status);
    assertThat(text.text()).isEqualTo("why\n");
    assertThat(text.header("Retry-After")).isEqualTo(reason.equals("overloaded") ? "1" : null);
  }

  @ParameterizedTest
  @EnumSource(BrokerException.Reason.class)
  void onlyWhatWasNotExecutedIsSentAgain(BrokerException.Reason failure) throws IOException {
    transport.answer(request -> {
      throw new BrokerException(failure, "why");
    });

    scripted.task("w", "x");

    if (new BrokerException(failure, "why").isRetryable()) {
      assertThat(transport.tries()).hasSizeGreaterThan(1);
    } else {
      assertThat(transport.tries()).hasSize(1);
    }
  }

  @Test
  void errorOfTheServerIsAnsweredWithoutItsCause() throws IOException {
    transport.answer(request -> {
      throw new IllegalStateException("secret");
    });

    Answer answer = scripted.task("w", "x");

    assertThat(answer.status()).isEqualTo(500);
    assertThat(answer.reason()).isEqualTo("internal-error");
    assertThat(answer.text()).doesNotContain("secret", "IllegalState");
  }

  @Test
  void throwableOfTheServerIsAnsweredAsTextWithoutItsCause() throws IOException {
    transport.answer(request -> {
      throw new StackOverflowError("secret");
    });

    Answer answer = scripted.task("w", "x");

    assertThat(answer.status()).isEqualTo(500);
    assertThat(answer.text()).doesNotContain("secret", "StackOverflow", "<");
    assertThat(answer.header("X-Content-Type-Options")).isEqualTo("nosniff");
  }

  @Test
  void textOfAForeignErrorReplyIsSanitised() throws IOException {
    transport.answer(request ->
        errorReply("503x", "caf\u00e9 \u2603\r\nSet-Cookie: a=b\u0000\u001b[31m" + "x".repeat(500)));

    Answer answer = scripted.post(HttpApi.json("w", "x"));

    assertThat(answer.status()).isEqualTo(502);
    assertThat(answer.text()).startsWith("caf\u00e9 \u2603  Set-Cookie: a=b??[31mxxx").endsWith("x\n").hasSize(256 + 1);
    assertThat(answer.header("Set-Cookie")).isNull();
  }

  @ParameterizedTest
  @CsvSource({"500,handler-failed,500", "200,handler-failed,200", "0,handler-failed,", "-1,handler-failed,-1",
      "'',handler-failed,500", "nonsense,handler-failed,500", "5030,handler-failed,5030", "99999999999,handler-failed,500",
      "400,handler-rejected,400", "404,handler-rejected,404", "499,handler-rejected,499"})
  void everyErrorCodeButFullIsAFailureOrARejectionAndIsTold(String code, String reason, @Nullable Integer told)
      throws IOException {
    transport.answer(request -> errorReply(code, "why"));

    Answer answer = scripted.task("w", "x");

    assertThat(answer.status()).isEqualTo(502);
    assertThat(answer.reason()).isEqualTo(reason);
    assertThat(answer.member("code")).isEqualTo(told == null ? null : told.toString());
    assertThat(answer.detail()).isEqualTo("why");
    assertThat(transport.tries()).hasSize(1);
  }

  @Test
  void foreignWorkerThatMayHaveBegunIsNotAskedAgain() throws IOException {
    transport.answer(request -> errorReply("503", "busy"));

    Answer answer = scripted.task("w", "x");

    assertThat(answer.status()).isEqualTo(503);
    assertThat(answer.reason()).isEqualTo("overloaded");
    assertThat(transport.tries()).hasSize(1);
  }

  @Test
  void errorReplyNeedsOneOfItsHeadersOnly() throws IOException {
    transport.answer(request -> reply(Map.of(ErrorReply.CODE_HEADER, List.of("500"))));
    assertThat(scripted.task("w", "x").detail()).isEqualTo("handler failed");

    transport.answer(request -> reply(Map.of(ErrorReply.TEXT_HEADER, List.of("why"))));
    assertThat(scripted.task("w", "x").detail()).isEqualTo("why");
  }

  @ParameterizedTest
  @ValueSource(strings = {"text/html\r\nSet-Cookie: a=b", "text/html\n", "text/plain;x=\"a\r\nSet-Cookie: a=b\"",
      "text/plain;x=\"a\nb\"", "text/plain;x=\"\u0000\"", "text/plain;x=\"\u007f\"", "text/plain;x=\"\u20ac\"",
      "text/plain;x=\"\u00e4\"", "text/h\u0131ml", "text/html\u0000"})
  void contentTypeThatIsNoHeaderIsReplacedByText(String contentType) throws IOException {
    transport.answer(request -> reply(Map.of("Content-Type", List.of(contentType))));

    Answer answer = scripted.task("w", "x");

    assertThat(answer.status()).isEqualTo(200);
    assertThat(answer.header("Content-Type")).isEqualTo("text/plain;charset=UTF-8");
    assertThat(answer.headers()).doesNotContainKey("Set-Cookie");
    assertThat(answer.text()).isEqualTo("reply");
  }

  @Test
  void firstOfSeveralContentTypesIsKept() throws IOException {
    transport.answer(request -> reply(Map.of("Content-Type", List.of("text/css", "text/html"))));

    assertThat(scripted.task("w", "x").header("Content-Type")).isEqualTo("text/css");
  }

  @Test
  void errorReplyOfAWorkerIsAFailedHandler() throws IOException {
    api.worker("failing", message ->
        new ErrorReply(400, "failed to decode body: bad").toMessage());

    Answer answer = api.post(HttpApi.json("failing", "x"));

    assertThat(answer.status()).isEqualTo(502);
    assertThat(answer.text()).isEqualTo("failed to decode body: bad\n");
    assertThat(answer.header("Content-Type")).isEqualTo("text/plain;charset=UTF-8");
    assertThat(answer.header("X-Content-Type-Options")).isEqualTo("nosniff");
  }

  @Test
  void taskThatNobodyWaitsForFailsAtOnce() throws IOException {
    Stopwatch watch = Stopwatch.start();

    Answer answer = api.task("nobody", "x");

    assertThat(answer.status()).isEqualTo(502);
    assertThat(answer.reason()).isEqualTo("no-responders");
    watch.assertLessThan(Duration.ofSeconds(2)); // not the timeout's 5 s
  }

  @Test
  void replyThatDoesNotComeIsATimeoutAndNeverEarly() throws IOException {
    impatient.silent("tasks.silent");
    Stopwatch watch = Stopwatch.start();

    Answer answer = impatient.task("silent", "x");

    watch.assertBetween(Duration.ofMillis(400), Duration.ofSeconds(2));
    assertThat(answer.status()).isEqualTo(502);
    assertThat(answer.reason()).isEqualTo("timeout");
  }

  @Test
  void defaultTimeoutIsFiveSeconds() throws IOException {
    api.silent("tasks.silent");
    Stopwatch watch = Stopwatch.start();

    Answer answer = api.task("silent", "x");

    watch.assertBetween(Duration.ofSeconds(5), Duration.ofMillis(5_700)); // 5.2 s on an idle machine
    assertThat(answer.reason()).isEqualTo("timeout");
  }

  @Test
  void fullWorkerIsAskedAgainAndThenTheTaskIsRefused() throws IOException {
    var received = api.silent("tasks.full");
    api.worker("full", message -> ErrorReply.full().toMessage());
    Stopwatch watch = Stopwatch.start();

    Answer answer = api.task("full", "x");

    assertThat(answer.status()).isEqualTo(503);
    assertThat(answer.reason()).isEqualTo("overloaded");
    assertThat(answer.header("Retry-After")).isEqualTo("1");
    assertThat(received).hasSizeGreaterThan(1);
    watch.assertLessThan(Duration.ofSeconds(2));
  }

  @Test
  void workerThatIsFullForAMomentGetsTheTaskAgain() throws IOException {
    AtomicInteger received = new AtomicInteger();
    api.worker("busy", message -> received.incrementAndGet() < 3 ? ErrorReply.full().toMessage()
        : message.reply(message.body()));

    assertThat(api.task("busy", "x").text()).isEqualTo("x");
    assertThat(received).hasValue(3);
  }

  @Test
  void lateReplyToOneTaskIsNotTheAnswerToTheNext() throws Exception {
    var received = impatient.silent("tasks.late");

    assertThat(impatient.task("late", "first").reason()).isEqualTo("timeout");
    BrokerMessage late = received.take();
    impatient.publish(late.reply(late.body()));
    impatient.worker("late", message -> message.reply(message.body()));

    assertThat(impatient.task("late", "second").text()).isEqualTo("second");
  }


  private static BrokerMessage errorReply(String code, String text) {
    return reply(Map.of(ErrorReply.CODE_HEADER, List.of(code), ErrorReply.TEXT_HEADER, List.of(text)));
  }

  private static BrokerMessage reply(Map<String, List<String>> headers) {
    return new BrokerMessage("_INBOX.1", "reply".getBytes(StandardCharsets.UTF_8), null, headers);
  }
}
