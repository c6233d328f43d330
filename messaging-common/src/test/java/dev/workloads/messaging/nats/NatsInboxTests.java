package dev.workloads.messaging.nats;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.workloads.messaging.BrokerException;
import dev.workloads.messaging.BrokerException.Reason;
import dev.workloads.messaging.BrokerMessage;
import dev.workloads.messaging.testing.Stopwatch;
import io.nats.client.Message;
import io.nats.client.impl.Headers;
import io.nats.client.impl.NatsMessage;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class NatsInboxTests {

  private static final Duration LONG = Duration.ofSeconds(10);

  private final NatsInbox inbox = new NatsInbox("inbox.");
  private final ScheduledExecutorService deadlines = Executors.newSingleThreadScheduledExecutor();

  @BeforeEach
  void start() {
    deadlines.scheduleWithFixedDelay(inbox::endOverdueWaits, 10, 10, TimeUnit.MILLISECONDS);
  }

  @AfterEach
  void stop() {
    deadlines.shutdownNow();
  }

  @Test
  void waitEndsByItselfSoonAfterItsTimeoutAndNotBefore() {
    Duration timeout = Duration.ofMillis(200);
    Stopwatch watch = Stopwatch.start();
    assertFails(Reason.TIMEOUT, () -> inbox.request(to("a"), timeout, replyTo -> { }));
    watch.assertBetween(timeout, timeout.plusSeconds(2));
  }

  @Test
  void closeEndsTheWait() {
    CompletableFuture.delayedExecutor(50, TimeUnit.MILLISECONDS).execute(inbox::close);
    assertFails(Reason.TIMEOUT, () -> inbox.request(to("a"), LONG, replyTo -> { }));
  }

  @Test
  void failureToSendIsThrown() {
    assertFails(Reason.BROKER_UNAVAILABLE, () -> inbox.request(to("a"), LONG, replyTo -> {
      throw new BrokerException(Reason.BROKER_UNAVAILABLE, "down");
    }));
  }

  @Test
  void repliesFindTheirRequestsAndSecondOnesNobody() {
    BrokerMessage reply = inbox.request(to("a"), LONG, outer -> {
      assertThat(inbox.request(to("b"), LONG, inner -> receive(inner, "inner")).text()).isEqualTo("inner");
      receive(outer, "outer");
      receive(outer, "second");
    });
    assertThat(reply.text()).isEqualTo("outer");
    receive("inbox.1", "late");
  }

  @ParameterizedTest
  @ValueSource(strings = {"{\"stream\":\"TASKS\", \"seq\":1}", "{\"stream\":\"TASKS\",\"seq\":12,\"duplicate\":true}",
      "{\"stream\":\"TASKS\",\"domain\":\"hub\",\"seq\":1}", "{\"stream\":\"TASKS\", \"domain\":\"hub\", \"seq\":1}",
      "{\"error\":{\"code\":503,\"err_code\":10077,\"description\":\"maximum messages exceeded\"},\"stream\":\"TASKS\","
          + "\"seq\":0}"})
  void acknowledgementOfAStreamIsNoReply(String acknowledgement) {
    assertThat(inbox.request(to("a"), LONG, replyTo -> {
      receive(replyTo, acknowledgement);
      receive(replyTo, "the worker's");
    }).text()).isEqualTo("the worker's");
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "{", "{}", "{\"stream\":\"a\"}", "{\"seq\":1}", "{\"stream\":\"a\",\"seq\":\"1\"}",
      "{\"stream\":\"a\",\"seq\":1,\"tags\":[]}", "{\"id\":1,\"stream\":\"a\",\"seq\":1}",
      "{\"stream\":\"a\",\"seq\":1,\"more\":{}}", "[{\"stream\":\"a\",\"seq\":1}]"})
  void otherJsonIsAReply(String body) {
    assertThat(inbox.request(to("a"), LONG, replyTo -> receive(replyTo, body)).text()).isEqualTo(body);
  }

  @Test
  void workersAcknowledgementIsAReplyIfItHasAHeader() {
    Message reply = NatsMessage.builder().subject("inbox.1").data("{\"stream\":\"a\",\"seq\":1}")
        .headers(new Headers().add("Content-Type", "application/json")).build();
    assertThat(inbox.request(to("a"), LONG, replyTo -> inbox.receive(reply)).header("Content-Type")).isNotNull();
  }

  @ParameterizedTest
  @ValueSource(strings = {"Nats-Msg-Id", "Nats-Expected-Last-Subject-Sequence"})
  void acknowledgementIsTheReplyToWhatIsMeantForAStream(String header) {
    String acknowledgement = "{\"stream\":\"JOBS\", \"seq\":1}";
    assertThat(inbox.request(to("a").withHeader(header, "1"), LONG, replyTo -> receive(replyTo, acknowledgement)).text())
        .isEqualTo(acknowledgement);
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "hello", "{\"width\": 3}", "{\"error\": \"x\"}", "[]", "null"})
  void whatIsNoAcknowledgementIsNoReplyToWhatIsMeantForAStream(String other) {
    for (String answer : new String[] {"{\"stream\":\"JOBS\", \"seq\":1, \"more\":{}}", "{\"error\":{\"code\":503}}"}) {
      assertThat(inbox.request(to("a").withHeader("Nats-Msg-Id", "1"), LONG, replyTo -> {
        receive(replyTo, other);
        receive(replyTo, answer);
      }).text()).isEqualTo(answer);
    }
  }

  private static BrokerMessage to(String subject) {
    return new BrokerMessage(subject, new byte[0]);
  }

  private void receive(String replyTo, String body) {
    inbox.receive(NatsMessage.builder().subject(replyTo).data(body.getBytes(UTF_8)).build());
  }

  private static void assertFails(Reason reason, Runnable request) {
    assertThatExceptionOfType(BrokerException.class).isThrownBy(request::run)
        .extracting(BrokerException::reason).isEqualTo(reason);
  }
}
