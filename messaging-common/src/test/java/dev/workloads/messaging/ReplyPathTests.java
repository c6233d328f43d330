package dev.workloads.messaging;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.workloads.messaging.BrokerException.Reason;
import dev.workloads.messaging.testing.ScriptedTransport;
import dev.workloads.messaging.testing.Stopwatch;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What every way back does with the patience of a requester. */
class ReplyPathTests {

  private static final Duration PATIENCE = Duration.ofSeconds(5);

  private final ScriptedTransport transport = new ScriptedTransport();
  private final MessageTransport.ReplyPath replies = transport::publish;
  private final BrokerMessage reply = BrokerMessage.of("replies.r", "done");

  @Test
  void replyWaitsForTheConnection() {
    transport.failing(Reason.BROKER_UNAVAILABLE, 4);
    replies.send(reply, PATIENCE);
    assertThat(transport.tries()).hasSize(5);
    assertThat(transport.sent()).containsExactly(reply);
  }

  @Test
  void replyIsGivenUpWhenThePatienceIsOver() {
    transport.failing(Reason.BROKER_UNAVAILABLE, Integer.MAX_VALUE);
    Stopwatch watch = Stopwatch.start();
    assertFails(Reason.BROKER_UNAVAILABLE, Duration.ofMillis(150));
    watch.assertBetween(Duration.ofMillis(75), Duration.ofSeconds(2));
    assertThat(transport.tries()).hasSizeGreaterThan(2);
  }

  @Test
  void replyIsTriedOnceHoweverLittlePatienceThereIs() {
    transport.failing(Reason.BROKER_UNAVAILABLE, 1);
    assertFails(Reason.BROKER_UNAVAILABLE, Duration.ofMillis(-1));
    assertThat(transport.tries()).hasSize(1);
  }

  @ParameterizedTest
  @EnumSource(names = {"PAYLOAD_TOO_LARGE", "TIMEOUT"})
  void replyThatIsTooLargeOrMayHaveGoneOutIsNotTriedAgain(Reason reason) {
    transport.failing(reason, 1);
    assertFails(reason, PATIENCE);
    assertThat(transport.tries()).hasSize(1);
  }

  @Test
  void replyThatDoesNotWaitIsTriedOnce() {
    transport.failing(Reason.BROKER_UNAVAILABLE, 1);
    assertThatExceptionOfType(BrokerException.class).isThrownBy(() -> replies.send(reply));
    assertThat(transport.tries()).hasSize(1);
  }

  private void assertFails(Reason reason, Duration patience) {
    assertThatExceptionOfType(BrokerException.class).isThrownBy(() -> replies.send(reply, patience))
        .extracting(BrokerException::reason).isEqualTo(reason);
  }
}
