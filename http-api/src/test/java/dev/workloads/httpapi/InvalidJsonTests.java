package dev.workloads.httpapi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import dev.workloads.messaging.BrokerMessage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.charset.Charset;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.concurrent.BlockingQueue;
import java.util.stream.Stream;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class InvalidJsonTests {

  private static final String NOT_UTF8 = "not valid UTF-8";
  private static final String NOT_JSON = "not valid JSON";
  private static final String NO_OBJECT = "must be a JSON object";
  private static final String NO_PAYLOAD = "payload is missing";
  private static final String BAD_PAYLOAD = "payload must be a string";
  private static final String BAD_WORKER = "worker must be a string";
  private static final String TWICE = "given twice";
  private static final String SURROGATE = "unpaired surrogate";
  private static final String TOO_DEEP = "nested too deep";

  @RegisterExtension
  static final HttpApi api = HttpApi.with();

  static Stream<Arguments> encodings() {
    String json = "{\"payload\":\"x\"}";
    return Stream.of(
        arguments("byte order mark", concat(hex("EFBBBF"), ascii(json)), NOT_JSON),
        arguments("two byte order marks", concat(hex("EFBBBFEFBBBF"), ascii(json)), NOT_JSON),
        arguments("UTF-16 with byte order mark", json.getBytes(StandardCharsets.UTF_16), NOT_UTF8),
        arguments("UTF-16BE", json.getBytes(StandardCharsets.UTF_16BE), NOT_JSON),
        arguments("UTF-16LE", json.getBytes(StandardCharsets.UTF_16LE), NOT_JSON),
        arguments("UTF-32BE", json.getBytes(Charset.forName("UTF-32BE")), NOT_JSON),
        arguments("ISO-8859-1", payload("E4"), NOT_UTF8),
        arguments("overlong slash, two bytes", payload("C0AF"), NOT_UTF8),
        arguments("overlong letter, two bytes", payload("C1A1"), NOT_UTF8),
        arguments("overlong NUL", payload("C080"), NOT_UTF8),
        arguments("overlong slash, three bytes", payload("E080AF"), NOT_UTF8),
        arguments("overlong, four bytes", payload("F08080AF"), NOT_UTF8),
        arguments("overlong quote", concat(ascii("{"), hex("C0A2"), ascii("payload\":\"x\"}")), NOT_UTF8),
        arguments("encoded surrogate", payload("EDA080"), NOT_UTF8),
        arguments("surrogate pair as six bytes", payload("EDA0BDEDB880"), NOT_UTF8),
        arguments("above the last code point", payload("F4908080"), NOT_UTF8),
        arguments("five bytes", payload("F888808080"), NOT_UTF8),
        arguments("lone continuation", payload("80"), NOT_UTF8),
        arguments("truncated within the text", payload("E282"), NOT_UTF8),
        arguments("truncated at the end", concat(ascii("{\"payload\":\"x"), hex("F09F98")), NOT_UTF8),
        arguments("invalid after the object", concat(ascii(json), hex("FF")), NOT_UTF8),
        arguments("invalid in an unknown member", concat(ascii("{\"payload\":\"x\",\"y\":\""), hex("FE"), ascii("\"}")),
            NOT_UTF8));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("encodings")
  void bodyThatIsNotPlainUtf8IsRefused(String name, byte[] body, String text) throws IOException {
    assertRefused(body, text);
  }

  static Stream<Arguments> texts() {
    return Stream.of(
        arguments("", "body is empty"),
        arguments(" ", NO_OBJECT),
        arguments("\r\n", NO_OBJECT),
        arguments("null", NO_OBJECT),
        arguments("true", NO_OBJECT),
        arguments("1", NO_OBJECT),
        arguments("\"payload\"", NO_OBJECT),
        arguments("[]", NO_OBJECT),
        arguments("[{\"payload\":\"x\"}]", NO_OBJECT),
        arguments("payload=x", NOT_JSON),
        arguments("<payload>x</payload>", NOT_JSON),
        arguments("hello", NOT_JSON),
        arguments("{", NOT_JSON),
        arguments("}", NOT_JSON),
        arguments("{\"payload\"", NOT_JSON),
        arguments("{\"payload\":", NOT_JSON),
        arguments("{\"payload\":\"x", NOT_JSON),
        arguments("{\"payload\":\"x\"", NOT_JSON),
        arguments("{\"payload\":\"x\",", NOT_JSON),
        arguments("{\"payload\":\"x\",}", NOT_JSON),
        arguments("{,\"payload\":\"x\"}", NOT_JSON),
        arguments("{\"payload\" \"x\"}", NOT_JSON),
        arguments("{\"payload\"=\"x\"}", NOT_JSON),
        arguments("{\"payload\":\"x\" \"y\":1}", NOT_JSON),
        arguments("{payload:\"x\"}", NOT_JSON),
        arguments("{'payload':'x'}", NOT_JSON),
        arguments("{\"payload\":'x'}", NOT_JSON),
        arguments("{\"payload\":\"x\"]", NOT_JSON),
        arguments("{\"payload\":\"x\",\"y\":[1,]}", NOT_JSON),
        arguments("{\"payload\":\"x\",\"y\":[1}", NOT_JSON),
        arguments("{\"payload\":\"x\",\"y\":[", NOT_JSON),
        arguments("{\"payload\":\"x\",\"y\":{", NOT_JSON),
        arguments("{\"payload\":\"x\",\"y\":NaN}", NOT_JSON),
        arguments("{\"payload\":\"x\",\"y\":Infinity}", NOT_JSON),
        arguments("{\"payload\":\"x\",\"y\":-Infinity}", NOT_JSON),
        arguments("{\"payload\":\"x\",\"y\":01}", NOT_JSON),
        arguments("{\"payload\":\"x\",\"y\":+1}", NOT_JSON),
        arguments("{\"payload\":\"x\",\"y\":.5}", NOT_JSON),
        arguments("{\"payload\":\"x\",\"y\":1.}", NOT_JSON),
        arguments("{\"payload\":\"x\",\"y\":1e}", NOT_JSON),
        arguments("{\"payload\":\"x\",\"y\":0x1}", NOT_JSON),
        arguments("{\"payload\":\"x\",\"y\":tru}", NOT_JSON),
        arguments("{\"payload\":\"x\",\"y\":nulll}", NOT_JSON),
        arguments("{\"payload\":\"x\",\"y\":TRUE}", NOT_JSON),
        arguments("{\"payload\":\"x\",\"y\":undefined}", NOT_JSON),
        arguments("/* x */{\"payload\":\"x\"}", NOT_JSON),
        arguments("{\"payload\":\"x\"/* x */}", NOT_JSON),
        arguments("{\"payload\":\"x\"} // x", NOT_JSON),
        arguments("# x\n{\"payload\":\"x\"}", NOT_JSON),
        arguments("{\"payload\":\"a\nb\"}", NOT_JSON),
        arguments("{\"payload\":\"a\tb\"}", NOT_JSON),
        arguments("{\"payload\":\"a\u0000b\"}", NOT_JSON),
        arguments("{\"payload\":\"a\u001Fb\"}", NOT_JSON),
        arguments("{\"pay\nload\":\"x\"}", NOT_JSON),
        arguments("{\"payload\":\"x\",\"y\":\"\u0001\"}", NOT_JSON),
        arguments("{\"payload\":\"x\"}\u0000", NOT_JSON),
        arguments("\u0000{\"payload\":\"x\"}", NOT_JSON),
        arguments("\u00A0{\"payload\":\"x\"}", NOT_JSON),
        arguments("{\f\"payload\":\"x\"}", NOT_JSON),
        arguments("{\u2028\"payload\":\"x\"}", NOT_JSON),
        arguments("{\"payload\":\"\\x41\"}", NOT_JSON),
        arguments("{\"payload\":\"\\'\"}", NOT_JSON),
        arguments("{\"payload\":\"\\u12\"}", NOT_JSON),
        arguments("{\"payload\":\"\\u12g4\"}", NOT_JSON),
        arguments("{\"payload\":\"\\U0041\"}", NOT_JSON),
        arguments("{\"payload\":\"\\", NOT_JSON));
  }

  @ParameterizedTest
  @MethodSource("texts")
  void bodyThatIsNotAJsonObjectIsRefused(String body, String text) throws IOException {
    assertRefused(body.getBytes(StandardCharsets.UTF_8), text);
  }

  static Stream<Arguments> requests() {
    return Stream.of(
        arguments("{}", NO_PAYLOAD),
        arguments("{\"worker\":\"w\"}", NO_PAYLOAD),
        arguments("{\"Payload\":\"x\"}", NO_PAYLOAD),
        arguments("{\"y\":{\"payload\":\"x\"}}", NO_PAYLOAD),
        arguments("{\"payload\":null}", BAD_PAYLOAD),
        arguments("{\"payload\":1}", BAD_PAYLOAD),
        arguments("{\"payload\":1.5}", BAD_PAYLOAD),
        arguments("{\"payload\":true}", BAD_PAYLOAD),
        arguments("{\"payload\":{}}", BAD_PAYLOAD),
        arguments("{\"payload\":[\"x\"]}", BAD_PAYLOAD),
        arguments("{\"worker\":1,\"payload\":\"x\"}", BAD_WORKER),
        arguments("{\"worker\":false,\"payload\":\"x\"}", BAD_WORKER),
        arguments("{\"worker\":{},\"payload\":\"x\"}", BAD_WORKER),
        arguments("{\"payload\":\"x\",\"worker\":[\"w\"]}", BAD_WORKER),
        arguments("{\"payload\":\"x\",\"payload\":\"x\"}", TWICE),
        arguments("{\"payload\":\"x\",\"payload\":1}", TWICE),
        arguments("{\"payload\":\"x\",\"\\u0070ayload\":\"x\"}", TWICE),
        arguments("{\"worker\":\"a\",\"payload\":\"x\",\"worker\":\"b\"}", TWICE),
        arguments("{\"worker\":null,\"payload\":\"x\",\"worker\":\"b\"}", TWICE),
        arguments("{\"y\":1,\"payload\":\"x\",\"y\":2}", TWICE),
        arguments("{\"\":1,\"payload\":\"x\",\"\":2}", TWICE),
        arguments("{\"payload\":\"x\",\"y\":{\"a\":1,\"a\":2}}", TWICE),
        arguments("{\"payload\":\"x\",\"y\":[[{\"a\":1,\"\\u0061\":2}]]}", TWICE),
        arguments("{\"payload\":\"x\"}{}", "text after"),
        arguments("{\"payload\":\"x\"}{\"payload\":\"x\"}", "text after"),
        arguments("{\"payload\":\"x\"} 1", "text after"),
        arguments("{\"payload\":\"x\"}\n\"x\"", "text after"),
        arguments("{\"payload\":\"x\"}}", NOT_JSON),
        arguments("{\"payload\":\"x\"},", NOT_JSON),
        arguments("{\"payload\":\"x\"}x", NOT_JSON),
        arguments("{\"payload\":\"\\ud800\"}", SURROGATE),
        arguments("{\"payload\":\"\\udc00\"}", SURROGATE),
        arguments("{\"payload\":\"\\ud800x\"}", SURROGATE),
        arguments("{\"payload\":\"x\\ud800\"}", SURROGATE),
        arguments("{\"payload\":\"\\ud800\\ud800\\udc00\"}", SURROGATE),
        arguments("{\"payload\":\"\\udc00\\ud800\"}", SURROGATE),
        arguments("{\"worker\":\"\\ud800\",\"payload\":\"x\"}", SURROGATE),
        arguments("{\"payload\":\"x\",\"y\":\"\\ud800\"}", SURROGATE),
        arguments("{\"payload\":\"x\",\"y\":[{\"a\":\"\\udfff\"}]}", SURROGATE),
        arguments("{\"payload\":\"x\",\"\\ud800\":1}", SURROGATE),
        arguments("{\"payload\":\"x\",\"y\":{\"\\udfff\":1}}", SURROGATE));
  }

  @ParameterizedTest
  @MethodSource("requests")
  void objectThatIsNotATaskIsRefused(String body, String text) throws IOException {
    assertRefused(body.getBytes(StandardCharsets.UTF_8), text);
  }

  static Stream<Arguments> excesses() {
    return Stream.of(
        arguments("arrays", "{\"payload\":\"x\",\"y\":" + "[".repeat(1001) + "]".repeat(1001) + "}", TOO_DEEP),
        arguments("arrays that never end", "[".repeat(100_000), NO_OBJECT),
        arguments("arrays in a member that never end", "{\"y\":" + "[".repeat(100_000), TOO_DEEP),
        arguments("objects", "{\"payload\":\"x\",\"y\":" + "{\"a\":".repeat(1001) + "1" + "}".repeat(1001) + "}",
            TOO_DEEP),
        arguments("objects that never end", "{\"a\":".repeat(100_000), TOO_DEEP),
        arguments("integer", "{\"payload\":\"x\",\"y\":" + "1".repeat(1001) + "}", "number in it is too long"),
        arguments("fraction", "{\"payload\":\"x\",\"y\":0." + "1".repeat(1001) + "}", "number in it is too long"),
        arguments("name", "{\"payload\":\"x\",\"" + "a".repeat(50_001) + "\":1}",
            "a name or number in it is too long"));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("excesses")
  void excessiveJsonIsRefused(String name, String body, String text) throws IOException {
    assertRefused(body.getBytes(StandardCharsets.UTF_8), text);
  }

  @ParameterizedTest
  @ValueSource(strings = {
      " \t\r\n{\"worker\":\"w\",\"payload\":\"x\"} \t\r\n",
      "{\"worker\":\"w\",\"payload\":\"x\",\"y\":1,\"z\":-1.5e+10,\"a\":null,\"b\":[true,false,[],{}],\"c\":\"d\"}",
      "{\"y\":{\"payload\":1,\"worker\":2},\"worker\":\"w\",\"payload\":\"x\"}",
      "{\"y\":[{\"a\":1},{\"a\":2}],\"z\":{\"a\":{\"a\":1}},\"worker\":\"w\",\"payload\":\"x\"}",
      "{\"\":1,\"PAYLOAD\":2,\"payload \":3,\"Worker\":4,\"worker\":\"w\",\"payload\":\"x\"}",
      "{\"y\":\"\\ud83d\\ude00\",\"\\ud83d\\ude00\":\"\uD83D\uDE00\",\"worker\":\"w\",\"payload\":\"x\"}",
      "{\"\\u0077orker\":\"\\u0077\",\"\\u0070ayload\":\"\\u0078\"}",
      "{\"y\":12345678901234567890123456789012345678901234567890,\"z\":1e999999,\"worker\":\"w\",\"payload\":\"x\"}"})
  void unknownMembersAndWhiteSpaceAreIgnored(String json) throws IOException {
    api.echo("w");

    assertThat(api.post(json).text()).isEqualTo("x");
  }

  @ParameterizedTest
  @ValueSource(strings = {"[", "{\"a\":"})
  void nestingWithinReasonIsIgnored(String open) throws IOException {
    api.echo("w");
    String nested = open.repeat(400) + "1" + (open.equals("[") ? "]" : "}").repeat(400);

    assertThat(api.post("{\"worker\":\"w\",\"payload\":\"x\",\"y\":" + nested + "}").text()).isEqualTo("x");
  }

  private static void assertRefused(byte[] body, String text) throws IOException {
    BlockingQueue<BrokerMessage> received = api.silent(">");

    Answer answer = api.post(body, "Accept: application/problem+json");

    assertThat(answer.status()).isEqualTo(400);
    assertThat(answer.reason()).isEqualTo("invalid-request");
    assertThat(answer.detail()).contains(text).doesNotContain("jackson", "Exception");
    assertThat(received).isEmpty();
  }

  private static byte[] payload(String hex) {
    return concat(ascii("{\"payload\":\""), hex(hex), ascii("\"}"));
  }

  private static byte[] ascii(String text) {
    return text.getBytes(StandardCharsets.US_ASCII);
  }

  private static byte[] hex(String hex) {
    return HexFormat.of().parseHex(hex);
  }

  private static byte[] concat(byte[]... parts) {
    ByteArrayOutputStream all = new ByteArrayOutputStream();
    for (byte[] part : parts) {
      all.writeBytes(part);
    }
    return all.toByteArray();
  }
}
