package dev.workloads.httpapi;

import static org.assertj.core.api.Assertions.assertThat;

import dev.workloads.messaging.BrokerMessage;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.NullSource;
import org.junit.jupiter.params.provider.ValueSource;

class TaskTests {

  private static final String ERROR_AS_JSON = "Accept: application/problem+json";

  @RegisterExtension
  static final HttpApi api = HttpApi.with();

  @Test
  void workerGetsThePayloadAndItsReplyIsTheAnswer() throws IOException {
    api.worker("task-upper", message -> message.reply(
        new String(message.body(), StandardCharsets.UTF_8).toUpperCase(Locale.ROOT)
            .getBytes(StandardCharsets.UTF_8)));

    Answer answer = api.post("{\"worker\": \"task-upper\", \"payload\": \"Hello World\"}");

    assertThat(answer.status()).isEqualTo(200);
    assertThat(answer.text()).isEqualTo("HELLO WORLD");
    assertThat(answer.header("Content-Type")).isEqualTo("text/plain;charset=UTF-8");
    assertThat(answer.header("Content-Length")).isEqualTo("11");
  }

  @ParameterizedTest
  @ValueSource(strings = {
      "{\"payload\": \"x\"}",
      "{\"worker\": null, \"payload\": \"x\"}",
      "{\"payload\": \"x\", \"worker\": null}"})
  void taskWithoutWorkerGoesToTheDefaultWorker(String json) throws IOException {
    api.worker("default", message -> message.reply("default".getBytes(StandardCharsets.UTF_8)));

    assertThat(api.post(json).text()).isEqualTo("default");
  }

  @ParameterizedTest
  @ValueSource(strings = {"a", "Z", "0", "_", "-", "task-leet", "task_leet", "a.b", "a.b.c", "-.-", "_._", "default",
      "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
          + "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"})
  void validWorkerNameIsTheSubject(String name) throws IOException {
    api.worker(">", message -> message.reply(message.subject().getBytes(StandardCharsets.UTF_8)));

    Answer answer = api.task(name, "x");

    assertThat(answer.text()).isEqualTo("tasks." + name);
    assertThat(answer.status()).isEqualTo(200);
  }

  @ParameterizedTest
  @ValueSource(strings = {"", " ", "a b", " a", "a ", "*", ">", "a.*", "a.>", "*.a", ".", ".a", "a.", "a..b", "..",
      "a\nb", "a\r\nPUB x 0\r\n", "a\n", "a\tb", "\u0000", "a\u0000", "a\u007F", "\u00E4", "\u0131", "\uFF41", "\u2024",
      "\uD83D\uDE00", "a/b", "a:b", "a$b", "$SYS", "a+b", "a@b", "a\\b", "\"",
      "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
          + "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"})
  void invalidWorkerNameIsRefusedAndNothingReachesTheBroker(String name) throws IOException {
    BlockingQueue<BrokerMessage> received = api.silent(">");

    Answer answer = api.task(name, "x");

    assertThat(answer.status()).isEqualTo(400);
    assertThat(answer.reason()).isEqualTo("invalid-request");
    assertThat(answer.detail()).startsWith("worker must be");
    assertThat(received).isEmpty();
  }

  @Test
  void longestWorkerNameHas128Characters() throws IOException {
    api.echo(">");

    assertThat(api.task("a".repeat(128), "x").status()).isEqualTo(200);
    assertThat(api.task("a".repeat(129), "x").status()).isEqualTo(400);
    assertThat(api.task("a.".repeat(64) + "a", "x").status()).isEqualTo(400);
  }

  @Test
  void emptyPayloadIsAnEmptyMessage() throws IOException {
    BlockingQueue<BrokerMessage> received = api.silent("tasks.seen");
    api.worker("seen", message -> message.reply(new byte[0]));

    Answer answer = api.task("seen", "");

    assertThat(answer.status()).isEqualTo(200);
    assertThat(answer.body()).isEmpty();
    assertThat(answer.header("Content-Length")).isEqualTo("0");
    assertThat(received.remove().body()).isEmpty();
  }

  @ParameterizedTest
  @CsvSource(quoteCharacter = '`', textBlock = """
      `a\\u0000b`, `610062`
      `\\u00e4\\u00f6`, `c3a4c3b6`
      `\u00e4`, `c3a4`
      `\\ud83d\\ude00`, `f09f9880`
      `\uD83D\uDE00`, `f09f9880`
      `\\\\\\"\\/\\b\\f\\n\\r\\t`, `5c222f080c0a0d09`
      `  x  `, `2020782020`
      `\\uFEFFx`, `efbbbf78`
      `\\uffff`, `efbfbf`
      `e\\u0301`, `65cc81`
      """)
  void payloadReachesTheWorkerByteForByte(String escaped, String hex) throws IOException {
    BlockingQueue<BrokerMessage> received = api.silent("tasks.seen");
    api.echo("seen");

    Answer answer = api.post("{\"worker\":\"seen\",\"payload\":\"" + escaped + "\"}");

    assertThat(received.remove().body()).asHexString().isEqualToIgnoringCase(hex);
    assertThat(answer.body()).asHexString().isEqualToIgnoringCase(hex);
  }

  @Test
  void messageSaysHowLongTheRequesterWaits() throws IOException {
    BlockingQueue<BrokerMessage> received = api.silent("tasks.seen");
    api.echo("seen");

    api.task("seen", "x");

    assertThat(received.remove().headers()).isEqualTo(Map.of("Request-Timeout", List.of("5000")));
  }

  @ParameterizedTest
  @NullSource
  @ValueSource(strings = {"application/json", "application/x-www-form-urlencoded", "text/plain", "application/xml",
      "multipart/form-data; boundary=x", "multipart/form-data", "application/json;charset=UTF-16", "nonsense",
      "text/plain;charset=nonsense", ""})
  void bodyIsJsonWhateverItsContentTypeSays(String contentType) throws IOException {
    api.echo("echo");

    String json = "{\"worker\":\"echo\",\"payload\":\"\u00e4=1&b\"}";
    Answer answer = contentType == null ? api.post(json) : api.post(json, "Content-Type: " + contentType);

    assertThat(answer.text()).isEqualTo("\u00e4=1&b");
    assertThat(answer.status()).isEqualTo(200);
  }

  @ParameterizedTest
  @ValueSource(strings = {"/task?x=y", "/task?", "/task?payload=y&worker=z", "/%74ask", "http://test/task"})
  void queryAndSpellingOfThePathMakeNoDifference(String target) throws IOException {
    api.echo("echo");
    String json = HttpApi.json("echo", "x");

    try (Connection connection = api.connect()) {
      Answer answer = connection.send(HttpApi.taskRequest(json).replace("/task", target)).answer();

      assertThat(answer.text()).isEqualTo("x");
    }
  }

  @Test
  void replyIsAnsweredByteForByte() throws IOException {
    byte[] every = new byte[256];
    for (int i = 0; i < every.length; i++) {
      every[i] = (byte) i;
    }
    api.worker("bytes", message -> message.reply(every));

    assertThat(api.task("bytes", "x").body()).isEqualTo(every);
  }

  @ParameterizedTest
  @ValueSource(strings = {"application/json", "application/octet-stream", "text/html", "text/plain;charset=ISO-8859-1",
      "application/vnd.example+json;version=1", "image/svg+xml"})
  void validContentTypeOfTheReplyIsKept(String contentType) throws IOException {
    api.worker("typed", message -> message.reply(new byte[] {'x'}).withHeader("Content-Type", contentType));

    Answer answer = api.task("typed", "x");

    assertThat(answer.status()).isEqualTo(200);
    assertThat(answer.header("Content-Type")).isEqualTo(contentType);
    assertThat(answer.header("X-Content-Type-Options")).isEqualTo("nosniff");
  }

  @ParameterizedTest
  @ValueSource(strings = {"", " ", "text", "text/", "/plain", "*/*", "text/*", "application/*+json",
      "text/plain;charset=nonsense", "text/plain;charset=", "text plain", "text/plain, text/html", "text/pl\tain",
      "text/plain; x=\"open"})
  void invalidContentTypeOfTheReplyIsReplacedByText(String contentType) throws IOException {
    api.worker("typed", message -> message.reply(new byte[] {'x'}).withHeader("Content-Type", contentType));

    Answer answer = api.task("typed", "x");

    assertThat(answer.status()).isEqualTo(200);
    assertThat(answer.header("Content-Type")).isEqualTo("text/plain;charset=UTF-8");
    assertThat(answer.text()).isEqualTo("x");
  }

  @Test
  void noOtherHeaderOfTheReplyPasses() throws IOException {
    api.worker("headers", message -> message.reply(new byte[] {'x'})
        .withHeader("Set-Cookie", "a=b").withHeader("Location", "/").withHeader("content-type", "text/html")
        .withHeader("Content-Length", "7").withHeader("X-Content-Type-Options", "none").withHeader("X-Other", "y"));

    Answer answer = api.task("headers", "x");

    assertThat(answer.headers().keySet())
        .containsExactlyInAnyOrder("Content-Type", "Content-Length", "X-Content-Type-Options", "Date");
    assertThat(answer.header("X-Content-Type-Options")).isEqualTo("nosniff");
    assertThat(answer.header("Content-Type")).isEqualTo("text/html"); // in whatever case the worker writes its name
    assertThat(answer.text()).isEqualTo("x");
  }

  @Test
  void payloadOfAMebibyteEscapedSixFoldPasses() throws IOException {
    api.worker("length", message -> message.reply(
        Integer.toString(message.body().length).getBytes(StandardCharsets.UTF_8)));
    int length = 1024 * 1024 - 128;

    Answer answer = api.post("{\"worker\":\"length\",\"payload\":\"" + "\\u0041".repeat(length) + "\"}", ERROR_AS_JSON);

    assertThat(answer.text()).isEqualTo(Integer.toString(length));
  }

  @Test
  void messageOfExactlyTheBrokersLimitPassesAndOneByteMoreIsTooLarge() throws IOException {
    api.worker("length", message -> message.reply(
        Integer.toString(message.body().length).getBytes(StandardCharsets.UTF_8)));
    int limit = 1024 * 1024 - (int) new BrokerMessage("tasks.length", new byte[0])
        .withHeader("Request-Timeout", "5000").size();

    assertThat(api.task("length", "x".repeat(limit)).text()).isEqualTo(Integer.toString(limit));

    Answer answer = api.task("length", "x".repeat(limit + 1));
    assertThat(answer.status()).isEqualTo(413);
    assertThat(answer.reason()).isEqualTo("payload-too-large");
    assertThat(answer.detail()).contains("1048577", "1048576");
  }
}
