package dev.workloads.messaging;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatNoException;

import dev.workloads.messaging.BrokerException.Reason;
import io.nats.client.impl.Headers;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class BrokerMessageTests {

  @Test
  void messagesOfEqualContentAreEqual() {
    BrokerMessage message = message("a", "body", "reply", Map.of("Name", List.of("1", "2")));
    assertThat(message).isEqualTo(message("a", "body", "reply", Map.of("Name", List.of("1", "2"))))
        .hasSameHashCodeAs(message("a", "body", "reply", Map.of("Name", List.of("1", "2"))));
  }

  @Test
  void anyDifferenceMakesMessagesUnequal() {
    assertThat(message("a", "body", "reply", Map.of("Name", List.of("1", "2"))))
        .isNotEqualTo(message("b", "body", "reply", Map.of("Name", List.of("1", "2"))))
        .isNotEqualTo(message("a", "Body", "reply", Map.of("Name", List.of("1", "2"))))
        .isNotEqualTo(message("a", "body", "other", Map.of("Name", List.of("1", "2"))))
        .isNotEqualTo(message("a", "body", null, Map.of("Name", List.of("1", "2"))))
        .isNotEqualTo(message("a", "body", "reply", Map.of("Name", List.of("2", "1"))))
        .isNotEqualTo(message("a", "body", "reply", Map.of("name", List.of("1", "2"))))
        .isNotEqualTo("a");
  }

  @Test
  void headersCannotBeChangedFromOutside() {
    List<String> values = new ArrayList<>(List.of("1"));
    Map<String, List<String>> headers = new HashMap<>(Map.of("Name", values));
    BrokerMessage message = message("a", "", null, headers);
    values.add("2");
    headers.clear();
    assertThat(message.headers()).containsExactly(Map.entry("Name", List.of("1")));
    assertThatExceptionOfType(UnsupportedOperationException.class).isThrownBy(() -> message.headers().clear());
  }

  @Test
  void withHeaderReplacesThatHeaderOnly() {
    BrokerMessage message = message("a", "body", "reply", Map.of("Name", List.of("1", "2"), "Other", List.of("3")));
    assertThat(message.withHeader("Name", "4"))
        .isEqualTo(message("a", "body", "reply", Map.of("Name", List.of("4"), "Other", List.of("3"))));
    assertThat(message.header("Name")).isEqualTo("1");
    assertThat(message.header("absent")).isNull();
    assertThat(message("a", "", null, Map.of("Name", List.of())).header("Name")).isNull();
  }

  @Test
  void headerIsFoundInAnyCaseAndInItsOwnFirst() {
    assertThat(message("a", "", null, Map.of("Traceparent", List.of("1"))).header("traceparent")).isEqualTo("1");
    assertThat(message("a", "", null, Map.of("NAME", List.of("1"), "Name", List.of("2"), "name", List.of("3")))
        .header("Name")).isEqualTo("2");
  }

  @Test
  void replyGoesToReplyTo() {
    byte[] body = {1};
    assertThat(message("a", "body", "reply", Map.of("Name", List.of("1"))).reply(body))
        .isEqualTo(new BrokerMessage("reply", body));
    assertThat(BrokerMessage.of("a", "body").withReplyTo("reply").reply("\u00e4"))
        .isEqualTo(BrokerMessage.of("reply", "\u00e4"));
  }

  @Test
  void replyToAMessageThatWantsNoneIsMadeAllTheSame() {
    assertThat(BrokerMessage.of("a", "body").reply("text")).isEqualTo(BrokerMessage.of("", "text"));
  }

  @Test
  void withReplyToChangesNothingElse() {
    BrokerMessage message = message("a", "body", "reply", Map.of("Name", List.of("1")));
    assertThat(message.withReplyTo("other")).isEqualTo(message("a", "body", "other", message.headers()));
    assertThat(message.withReplyTo(null)).isEqualTo(message("a", "body", null, message.headers()));
  }

  @Test
  void textIsTheBodyInUtf8() {
    String text = "a\u00e4\u20ac\ud83d\ude80\0";
    BrokerMessage message = BrokerMessage.of("a", text);
    assertThat(message).isEqualTo(new BrokerMessage("a", text.getBytes(StandardCharsets.UTF_8)));
    assertThat(message.text()).isEqualTo(text);
    assertThat(BrokerMessage.of("a", "").text()).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(strings = {"80", "ff", "c0af", "eda080", "f4908080", "e282", "61e4"})
  void bodyThatIsNotUtf8IsRejectedAsText(String hex) {
    assertThatExceptionOfType(MessageRejectedException.class)
        .isThrownBy(() -> new BrokerMessage("a", HexFormat.of().parseHex(hex)).text())
        .withMessage("failed to decode body: not valid UTF-8")
        .satisfies(rejection -> assertThat(rejection.code()).isEqualTo(400));
  }

  @ParameterizedTest
  @MethodSource
  void sizeIsThatOfTheEncodedHeadersAndTheBody(Map<String, List<String>> headers) {
    Headers encoded = new Headers();
    headers.forEach(encoded::add);
    int encodedLength = encoded.isEmpty() ? 0 : encoded.serializedLength();
    assertThat(message("a", "body", "reply", headers).size()).isEqualTo(encodedLength + 4L);
  }

  static Stream<Map<String, List<String>>> sizeIsThatOfTheEncodedHeadersAndTheBody() {
    return Stream.of(Map.of(), Map.of("Name", List.of("value")), Map.of("Name", List.of("1", "22", "")),
        Map.of("Name", List.of("1"), "Other", List.of("a b\tc", "d")), Map.of("Empty", List.of("")));
  }

  @Test
  void textNamesNoPayloadAndNoHeaderValue() {
    assertThat(message("a", "secret", "reply", Map.of("Name", List.of("hidden"))).toString())
        .isEqualTo("BrokerMessage[subject=a, body=6 bytes, replyTo=reply, headers=[Name]]");
  }

  @Test
  void messageUpToTheLimitIsSendable() {
    BrokerMessage message = message("a", "1234", null, Map.of("N", List.of("v")));
    assertThatNoException().isThrownBy(() -> message.requireSendable(message.size()));
    assertThatExceptionOfType(BrokerException.class).isThrownBy(() -> message.requireSendable(message.size() - 1))
        .withMessage("payload and message headers are 21 bytes, the limit is 20")
        .extracting(BrokerException::reason).isEqualTo(Reason.PAYLOAD_TOO_LARGE);
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "a b", "a:b", "a\r\nb", "a\n", "\u00e4", "a\0", "\u007f"})
  void headerNameThatIsNoTokenIsNotSendable(String name) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> message("a", "", null, Map.of(name, List.of("value"))).requireSendable(1000));
  }

  @ParameterizedTest
  @ValueSource(strings = {"a\r\nb", "a\nb", "a\rb", "\u00e4", "a\0", "\u007f", "\u2028"})
  void headerValueBeyondOneLineOfAsciiIsNotSendable(String value) {
    assertThatIllegalArgumentException()
        .isThrownBy(() -> message("a", "", null, Map.of("Name", List.of("fine", value))).requireSendable(1000))
        .withMessageContaining("Name");
  }

  @Test
  void malformedSubjectsAreNotSendable() {
    assertThatIllegalArgumentException().isThrownBy(() -> message("a.*", "", null, Map.of()).requireSendable(1000));
    assertThatIllegalArgumentException().isThrownBy(() -> message("a", "", "b.>", Map.of()).requireSendable(1000));
  }

  private static BrokerMessage message(String subject, String body, @Nullable String replyTo,
      Map<String, List<String>> headers) {
    return new BrokerMessage(subject, body.getBytes(StandardCharsets.UTF_8), replyTo, headers);
  }
}
