package dev.workloads.leet;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.workloads.messaging.BrokerMessage;
import dev.workloads.messaging.MessageRejectedException;
import java.util.HexFormat;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class LeetMessageHandlerTests {

  private final LeetMessageHandler handler = new LeetMessageHandler();

  @Test
  void replyIsTheTextInLeetSpeak() {
    assertThat(handler.handle(BrokerMessage.of("tasks.x", "Hello World \u00E9\uD83D\uDE00").withReplyTo("replies")))
        .isEqualTo(BrokerMessage.of("replies", "H3110 W0r1d \u00E9\uD83D\uDE00"));
  }

  @Test
  void emptyBodyHasAnEmptyReply() {
    assertThat(handler.handle(request(new byte[0]))).isEqualTo(BrokerMessage.of("replies", ""));
  }

  @Test
  void onlyLongTextsAreWorthAThreadOfTheirOwn() {
    assertThat(handler.isNonBlocking(request(new byte[4096]))).isTrue();
    assertThat(handler.isNonBlocking(request(new byte[4097]))).isFalse();
  }

  @ParameterizedTest
  @ValueSource(strings = {"80", "ff", "fe", "c0af", "c080", "e080af", "f08080af", "eda080", "edb080", "f4908080",
      "f888808080", "e282", "f09f98", "61e4", "c3", "68c328"})
  void bodyThatIsNotUtf8IsRejected(String hex) {
    assertThatExceptionOfType(MessageRejectedException.class)
        .isThrownBy(() -> handler.handle(request(HexFormat.of().parseHex(hex))))
        .withMessageStartingWith("failed to decode body: ")
        .satisfies(rejection -> assertThat(rejection.code()).isEqualTo(400));
  }

  private static BrokerMessage request(byte[] body) {
    return new BrokerMessage("tasks.x", body).withReplyTo("replies");
  }
}
