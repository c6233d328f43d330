package dev.workloads.httpapi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import dev.workloads.messaging.BrokerMessage;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.BlockingQueue;
import java.util.stream.Stream;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What the server refuses before it reaches the servlet. */
class ServerRefusalTests {

  private static final String JSON = "{\"payload\":\"x\"}";
  private static final String SMUGGLED = "GET /smuggled HTTP/1.1\r\nHost: test\r\n\r\n";

  @RegisterExtension
  static final HttpApi api = HttpApi.with();

  static Stream<Arguments> malformed() {
    return Stream.of(
        arguments("unknown version", "POST /task HTTP/9.9\r\nHost: test\r\n\r\n"),
        arguments("no version number", "POST /task HTTP/\r\nHost: test\r\n\r\n"),
        arguments("no Host", "GET /task HTTP/1.1\r\n\r\n"),
        arguments("two Hosts", "GET /task HTTP/1.1\r\nHost: test\r\nHost: test\r\n\r\n"),
        arguments("bad Host", "GET /task HTTP/1.1\r\nHost: te st\r\n\r\n"),
        arguments("Host with a bad port", "GET /task HTTP/1.1\r\nHost: test:x\r\n\r\n"),
        arguments("Host unlike the target's", "GET http://other/task HTTP/1.1\r\nHost: test\r\n\r\n"),
        arguments("header too large", "GET /task HTTP/1.1\r\nHost: test\r\nX: " + "x".repeat(10_000) + "\r\n\r\n"),
        arguments("request line too large", "GET /" + "x".repeat(10_000) + " HTTP/1.1\r\nHost: test\r\n\r\n"),
        arguments("too many headers", "GET /task HTTP/1.1\r\nHost: test\r\n" + "X: y\r\n".repeat(1000) + "\r\n"),
        arguments("header without colon", "GET /task HTTP/1.1\r\nHost: test\r\nnonsense\r\n\r\n"),
        arguments("blank before the colon", "GET /task HTTP/1.1\r\nHost: test\r\nX : y\r\n\r\n"),
        arguments("control character in a header name", "GET /task HTTP/1.1\r\nHost: test\r\nX\u0001: y\r\n\r\n"),
        arguments("null byte in a header", "GET /task HTTP/1.1\r\nHost: test\r\nX: a\u0000b\r\n\r\n"),
        arguments("null byte in the target", "GET /ta\u0000sk HTTP/1.1\r\nHost: test\r\n\r\n"),
        arguments("escaped null byte in the path", "GET /task%00 HTTP/1.1\r\nHost: test\r\n\r\n"),
        arguments("bad escape in the path", "GET /ta%zzsk HTTP/1.1\r\nHost: test\r\n\r\n"),
        arguments("cut escape in the path", "GET /task%2 HTTP/1.1\r\nHost: test\r\n\r\n"),
        arguments("invalid UTF-8 in the path", "GET /%ff HTTP/1.1\r\nHost: test\r\n\r\n"),
        arguments("overlong UTF-8 in the path", "GET /%c0%ae%c0%ae/task HTTP/1.1\r\nHost: test\r\n\r\n"),
        arguments("escaped slash in the path", "GET /x%2ftask HTTP/1.1\r\nHost: test\r\n\r\n"),
        arguments("backslash in the path", "GET /x%5ctask HTTP/1.1\r\nHost: test\r\n\r\n"),
        arguments("raw byte in the path", "GET /\u00e4 HTTP/1.1\r\nHost: test\r\n\r\n"),
        arguments("brackets in the path", "GET /<script> HTTP/1.1\r\nHost: test\r\n\r\n"),
        arguments("path above the root", "GET /../../etc/passwd HTTP/1.1\r\nHost: test\r\n\r\n"),
        arguments("path above the root, escaped", "GET /%2e%2e/%2e%2e/x HTTP/1.1\r\nHost: test\r\n\r\n"),
        arguments("path without slash", "GET task HTTP/1.1\r\nHost: test\r\n\r\n"),
        arguments("CONNECT", "CONNECT test:80 HTTP/1.1\r\nHost: test:80\r\n\r\n"),
        arguments("negative length", post("Content-Length: -1") + JSON),
        arguments("length that is no number", post("Content-Length: x") + JSON),
        arguments("length with a sign", post("Content-Length: +15") + JSON),
        arguments("length beyond a long", post("Content-Length: 99999999999999999999") + JSON),
        arguments("list of lengths", post("Content-Length: 15, 16") + JSON),
        arguments("chunk without size", post("Transfer-Encoding: chunked") + "x\r\n" + JSON + "\r\n0\r\n\r\n"),
        arguments("chunk of negative size", post("Transfer-Encoding: chunked") + "-1\r\n" + JSON + "\r\n0\r\n\r\n"),
        arguments("chunk of excessive size", post("Transfer-Encoding: chunked") + "fffffffff\r\n" + JSON),
        arguments("chunk longer than its size", post("Transfer-Encoding: chunked") + "3\r\n" + JSON + "\r\n0\r\n\r\n"),
        arguments("bad chunk after a good one",
            post("Transfer-Encoding: chunked") + "3\r\n{\"p\r\nnonsense\r\n0\r\n\r\n"),
        arguments("unknown transfer encoding", post("Transfer-Encoding: nonsense") + JSON),
        arguments("transfer encoding after chunked", post("Transfer-Encoding: chunked, gzip") + JSON));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("malformed")
  void malformedRequestIsRefusedWithoutAPage(String name, String request) throws IOException {
    BlockingQueue<BrokerMessage> received = api.silent(">");

    try (Connection connection = api.connect()) {
      String answer = new String(connection.send(request).endOutput().rest(), StandardCharsets.UTF_8);

      assertThat(answer).matches("(?s)HTTP/1\\.1 [45]\\d\\d.*");
      assertNoPage(answer);
      assertThat(received).isEmpty();
    }
  }

  // To Tomcat these are HTTP/0.9, whose answers have no head
  @ParameterizedTest
  @ValueSource(strings = {"GET /task\r\n\r\n", "\u0016\u0003\u0001\u0002\r\n\r\n",
      "POST HTTP/1.1\r\nHost: test\r\n\r\n", "PO{ST /task HTTP/1.1\r\nHost: test\r\n\r\n",
      "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "\r\n\r\n", "x"})
  void requestWithoutAVersionGetsALineOfTextAtMost(String request) throws IOException {
    try (Connection connection = api.connect()) {
      String answer = new String(connection.send(request).endOutput().rest(), StandardCharsets.UTF_8);

      assertThat(answer).isIn("", "Bad Request\n", "a task is sent by POST\n");
    }
  }

  static Stream<Arguments> ambiguous() {
    String zero = "0\r\n\r\n";
    return Stream.of(
        arguments("two lengths", post("Content-Length: 0", "Content-Length: " + SMUGGLED.length())),
        arguments("two lengths, in other order", post("Content-Length: " + SMUGGLED.length(), "Content-Length: 0")),
        arguments("list of two lengths", post("Content-Length: 0, " + SMUGGLED.length())),
        arguments("length and chunks", post("Content-Length: 5", "Transfer-Encoding: chunked") + zero),
        arguments("chunks and length", post("Transfer-Encoding: chunked", "Content-Length: 5") + zero),
        arguments("length of all and chunks",
            post("Content-Length: " + (5 + SMUGGLED.length()), "Transfer-Encoding: chunked") + zero),
        arguments("length and blank before the colon",
            post("Content-Length: 5", "Transfer-Encoding : chunked") + zero),
        arguments("length and unknown encoding", post("Content-Length: 5", "Transfer-Encoding: xchunked") + zero),
        arguments("length and control character", post("Content-Length: 5", "Transfer-Encoding: \u000bchunked") + zero),
        arguments("length and identity", post("Content-Length: 5", "Transfer-Encoding: identity") + zero),
        arguments("length and two encodings",
            post("Content-Length: 5", "Transfer-Encoding: chunked", "Transfer-Encoding: identity") + zero),
        arguments("length and folded encoding", post("Content-Length: 5", "Transfer-Encoding:\r\n chunked") + zero),
        arguments("length and a line of its own",
            post("Content-Length: 5", "X: y\nTransfer-Encoding: chunked") + zero),
        arguments("version 1.0 and chunks",
            post("Content-Length: 5", "Transfer-Encoding: chunked", "Connection: keep-alive").replace("1.1", "1.0")
                + zero),
        arguments("chunk extension with a line break", post("Transfer-Encoding: chunked") + "0;a\nb\r\n\r\n"));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("ambiguous")
  void ambiguousLengthNeverGivesTwoAnswers(String name, String request) throws IOException {
    try (Connection connection = api.connect()) {
      String answers = new String(connection.send(request + SMUGGLED).endOutput().rest(), StandardCharsets.UTF_8);

      assertThat(answers.split("HTTP/1\\.1 \\d\\d\\d", -1)).hasSizeLessThanOrEqualTo(2);
      assertThat(answers).doesNotContain("Not found");
      assertNoPage(answers);
    }
  }

  private static void assertNoPage(String answer) {
    assertThat(answer).doesNotContainIgnoringCase("<", "html", "tomcat", "exception", "java", "apache", "\nServer:",
        "\tat ");
    String[] parts = answer.split("\r\n\r\n", 2);
    if (parts.length > 1 && !parts[1].isEmpty()) {
      assertThat(parts[0]).containsIgnoringCase("Content-Type: text/plain").contains("X-Content-Type-Options: nosniff");
    }
  }

  private static String post(String... headers) {
    return "POST /task HTTP/1.1\r\nHost: test\r\n" + HttpApi.lines(headers) + "\r\n";
  }
}
