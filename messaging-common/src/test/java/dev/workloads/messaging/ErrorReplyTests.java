package dev.workloads.messaging;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.workloads.messaging.BrokerException.Reason;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

class ErrorReplyTests {

  @Test
  void messageHasAnEmptyBodyAndTheHeadersOfTheServiceApi() {
    BrokerMessage message = new ErrorReply(400, "bad input").toMessage();
    assertThat(message).isEqualTo(new BrokerMessage("", new byte[0], null,
        Map.of("Nats-Service-Error", List.of("bad input"), "Nats-Service-Error-Code", List.of("400"))));
  }

  @Test
  void errorSurvivesTheMessage() {
    ErrorReply error = new ErrorReply(418, "a teapot");
    assertThat(ErrorReply.from(error.toMessage())).isEqualTo(error);
  }

  @Test
  void replyWithoutErrorHeadersIsAResult() {
    assertThat(ErrorReply.from(new BrokerMessage("reply", new byte[0]))).isNull();
    assertThat(ErrorReply.from(new BrokerMessage("reply", new byte[0], null,
        Map.of("Content-Type", List.of("text/plain"))))).isNull();
  }

  @ParameterizedTest
  @CsvSource({"400,400", "' 503 ',503", "nonsense,500", "'',500", "9999999999,500", ",500"})
  void codeThatIsNoNumberMeansFailed(@Nullable String code, int expected) {
    assertThat(ErrorReply.from(reply("text", code))).isEqualTo(new ErrorReply(expected, "text"));
  }

  @Test
  void codeAloneIsAnErrorToo() {
    assertThat(ErrorReply.from(reply(null, "400"))).isEqualTo(new ErrorReply(400, "handler failed"));
  }

  @ParameterizedTest
  @CsvSource({"503,OVERLOADED", "500,HANDLER_FAILED", "400,HANDLER_REJECTED", "-1,HANDLER_FAILED", "504,HANDLER_FAILED"})
  void only503MeansOverloaded(int code, Reason reason) {
    BrokerException exception = new ErrorReply(code, "why").toException();
    assertThat(exception.reason()).isEqualTo(reason);
    assertThat(exception).hasMessage("why");
  }

  @Test
  void textIsOneLineAndIsSentAsAscii() {
    ErrorReply error = new ErrorReply(400, " line 1\r\nline\t2 \u00e4\ud83d\ude80\0 ");
    assertThat(error.text()).isEqualTo("line 1  line 2 \u00e4\ud83d\ude80?");
    assertThat(error.toMessage().header(ErrorReply.TEXT_HEADER)).isEqualTo("line 1  line 2 ???");
    assertThat(error.toMessage().header("Error-Text")).isEqualTo("line%201%20%20line%202%20%C3%A4%F0%9F%9A%80%3F");
  }

  @Test
  void lettersOfEveryScriptSurviveTheMessage() {
    ErrorReply error = new ErrorReply(400, "100% + \u4e16\u754c \ud83d\ude80".repeat(20));
    BrokerMessage message = error.toMessage();
    new BrokerMessage("reply", message.body(), null, message.headers()).requireSendable(10_000);
    assertThat(ErrorReply.from(message)).isEqualTo(error);
  }

  @ParameterizedTest
  @CsvSource(delimiter = '|', value =
      {"%zz | text", "%C3 | \ufffd", "a%0Ab | a b", "a+b | a+b", "%20 | handler failed"})
  void textInFullFromOthersIsReadAsFarAsItCanBe(String encoded, String expected) {
    ErrorReply read = ErrorReply.from(reply("text", "400").withHeader("Error-Text", encoded));
    assertThat(read).isEqualTo(new ErrorReply(400, expected));
  }

  @Test
  void textInFullAloneIsNoError() {
    assertThat(ErrorReply.from(new BrokerMessage("reply", new byte[0]).withHeader("Error-Text", "text"))).isNull();
  }

  @Test
  void onlyARefusalSaysThatNothingWasProcessed() {
    assertThat(ErrorReply.full().toMessage().header("Not-Processed")).isEqualTo("true");
    assertThat(ErrorReply.from(ErrorReply.full().toMessage())).isEqualTo(ErrorReply.full());
    assertThat(ErrorReply.full().toException().isRetryable()).isTrue();
    assertThat(new ErrorReply(503, "busy").toMessage().header("Not-Processed")).isNull();
    assertThat(new ErrorReply(503, "busy").toException().isRetryable()).isFalse();
    assertThat(new ErrorReply(500, "odd", true).toException().isRetryable()).isFalse();
  }

  @Test
  void textHasAtMost256Characters() {
    assertThat(new ErrorReply(400, "x".repeat(257)).text()).isEqualTo("x".repeat(256));
    assertThat(new ErrorReply(400, "\ud83d\ude80".repeat(300)).text()).isEqualTo("\ud83d\ude80".repeat(256));
  }

  @ParameterizedTest
  @ValueSource(strings = {"", " ", "\r\n\t"})
  void blankTextIsReplaced(String text) {
    assertThat(new ErrorReply(400, text).text()).isEqualTo("handler failed");
  }

  @Test
  void onlyARejectionTellsItsText() {
    assertThat(ErrorReply.of(new MessageRejectedException("bad input"))).isEqualTo(new ErrorReply(400, "bad input"));
    assertThat(ErrorReply.of(new MessageRejectedException(503, "busy"))).isEqualTo(new ErrorReply(503, "busy"));
    ErrorReply failed = new ErrorReply(500, "handler failed");
    assertThat(ErrorReply.of(new IllegalStateException("password=1234"))).isEqualTo(failed);
    assertThat(ErrorReply.of(new StackOverflowError("deep"))).isEqualTo(failed);
  }

  @ParameterizedTest
  @EnumSource
  void failureOfAnotherRequestIsNotTold(Reason reason) {
    assertThat(ErrorReply.of(new BrokerException(reason, "internal"))).isEqualTo(new ErrorReply(500, "handler failed"));
  }

  @Test
  void replyThatIsTooLargeIsAFailureOfTheWorker() {
    assertThat(ErrorReply.tooLarge()).isEqualTo(new ErrorReply(500, "reply too large"));
  }

  @ParameterizedTest
  @ValueSource(ints = {-1, 0, 200, 399, 600})
  void rejectionNeedsAnErrorCode(int code) {
    assertThatIllegalArgumentException().isThrownBy(() -> new MessageRejectedException(code, "text"));
  }

  private static BrokerMessage reply(@Nullable String text, @Nullable String code) {
    Map<String, List<String>> headers = new HashMap<>();
    if (text != null) {
      headers.put(ErrorReply.TEXT_HEADER, List.of(text));
    }
    if (code != null) {
      headers.put(ErrorReply.CODE_HEADER, List.of(code));
    }
    return new BrokerMessage("reply", new byte[0], null, headers);
  }
}
