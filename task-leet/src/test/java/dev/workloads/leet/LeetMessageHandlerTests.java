package dev.workloads.leet;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.workloads.messaging.BrokerMessage;
import dev.workloads.messaging.MessageRejectedException;
import dev.workloads.messaging.MessagingClient;
import dev.workloads.messaging.MissingReplyToException;
import dev.workloads.messaging.inprocess.InProcessTransport;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class LeetMessageHandlerTests {

  private final InProcessTransport transport = new InProcessTransport();
  private final LeetMessageHandler handler = new LeetMessageHandler(new MessagingClient(transport, Duration.ZERO));
  private final Queue<BrokerMessage> sent = new ArrayDeque<>();

  LeetMessageHandlerTests() {
    transport.subscribe(List.of(">"), null, sent::add);
  }

  @Test
  void replyIsTheTextInLeetSpeak() {
    handler.handle(request("Hello World \u00E9\uD83D\uDE00".getBytes(StandardCharsets.UTF_8)));

    assertThat(sent).containsExactly(
        new BrokerMessage("replies", "H3110 W0r1d \u00E9\uD83D\uDE00".getBytes(StandardCharsets.UTF_8)));
  }

  @Test
  void emptyBodyHasAnEmptyReply() {
    handler.handle(request(new byte[0]));

    assertThat(sent).containsExactly(new BrokerMessage("replies", new byte[0]));
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

    assertThat(sent).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "61", "ff"})
  void messageWithoutReplyToIsNotWorkedOn(String hex) {
    assertThatExceptionOfType(MissingReplyToException.class)
        .isThrownBy(() -> handler.handle(new BrokerMessage("tasks.x", HexFormat.of().parseHex(hex))));

    assertThat(sent).isEmpty();
  }

  private static BrokerMessage request(byte[] body) {
    return new BrokerMessage("tasks.x", body, "replies", Map.of());
  }
}
