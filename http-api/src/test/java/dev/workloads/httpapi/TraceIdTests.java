package dev.workloads.httpapi;

import static org.assertj.core.api.Assertions.assertThat;

import io.opentelemetry.api.common.AttributeKey;
import io.opentelemetry.api.trace.SpanKind;
import io.opentelemetry.context.Context;
import io.opentelemetry.sdk.trace.ReadWriteSpan;
import io.opentelemetry.sdk.trace.ReadableSpan;
import io.opentelemetry.sdk.trace.SpanProcessor;
import io.opentelemetry.sdk.trace.data.SpanData;
import java.io.IOException;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.springframework.context.annotation.Configuration;

/** A problem names the trace of its request, whichever thread writes it. */
class TraceIdTests {

  private static final String TRACE_ID = "0af7651916cd43dd8448eb211c80319c";
  private static final List<String> TRACING = List.of("task.body-timeout=700ms",
      "management.opentelemetry.tracing.export.otlp.endpoint=http://127.0.0.1:1/v1/traces", // where nobody listens
      "management.opentelemetry.tracing.export.schedule-delay=1h", "spring.main.sources=" + Ended.class.getName());

  @RegisterExtension
  static final HttpApi api = HttpApi.with(TRACING.get(0), TRACING.get(1), TRACING.get(2), TRACING.get(3),
      "task.max-body-size=2KB");
  @RegisterExtension
  static final HttpApi full = HttpApi.with(TRACING.get(0), TRACING.get(1), TRACING.get(2), TRACING.get(3),
      "task.max-buffered=2KB");

  @Test
  void wrongRequestNamesItsTrace() throws IOException {
    try (Connection connection = connect(api, "Content-Length: 1")) {
      assertTraced(400, "invalid-request", connection.send("{"));
    }
  }

  @Test
  void bodyThatDoesNotComeNamesItsTrace() throws IOException {
    try (Connection connection = connect(api, "Content-Length: 100")) {
      assertTraced(408, "request-timeout", connection.send("{"));
    }
  }

  @Test
  void bodyThatGrowsTooLargeNamesItsTrace() throws IOException {
    try (Connection connection = connect(api, "Transfer-Encoding: chunked")) {
      assertTraced(413, "body-too-large", connection.send(chunk(2049)));
    }
  }

  @Test
  void bodyThatIsCutOffNamesItsTrace() throws IOException {
    try (Connection connection = connect(api, "Content-Length: 100")) {
      assertTraced(400, "invalid-request", connection.send("{").endOutput());
    }
  }

  @Test
  void bodyForWhichThereIsNoMemoryNamesItsTrace() throws IOException {
    try (Connection connection = connect(full, "Transfer-Encoding: chunked")) {
      assertTraced(503, "overloaded", connection.send(chunk(2049)));
    }
  }

  @Test
  void slowButCompleteRequestNamesItsTrace() throws IOException {
    try (Connection connection = connect(api, "Transfer-Encoding: chunked")) {
      assertTraced(400, "invalid-request", connection.send(chunk(100) + "0\r\n\r\n"));
    }
  }

  @Test
  void problemWithoutATraceNamesNone() throws IOException {
    assertThat(HttpApi.with().post("{", "Accept: application/json").json().has("traceId")).isFalse();
  }

  @Test
  void spanOfAnErrorOfTheServerIsAnError() throws IOException {
    Ended.SPANS.clear();

    String json = HttpApi.json("nobody", "x");
    try (Connection connection = connect(api, "Content-Length: " + json.length())) {
      assertTraced(502, "no-responders", connection.send(json));
    }
    bodyForWhichThereIsNoMemoryNamesItsTrace();
    wrongRequestNamesItsTrace();

    AttributeKey<String> errorType = AttributeKey.stringKey("error.type");
    Awaitility.await().untilAsserted(() -> assertThat(Ended.SPANS).filteredOn(span -> span.getKind() == SpanKind.SERVER)
        .extracting(span -> span.getStatus().getStatusCode() + " " + span.getAttributes().get(errorType))
        .containsExactlyInAnyOrder("ERROR no-responders", "ERROR overloaded", "UNSET null"));
    assertThat(api.get(api.managementPort(), "/actuator/prometheus").text().lines()
        .filter(line -> line.startsWith("http_server_requests_seconds_count") && line.contains("status=\"502\"")))
        .singleElement().asString().contains("error=\"none\",exception=\"none\"");
  }

  private static Connection connect(HttpApi api, String bodyHeader) throws IOException {
    return api.connect().send("POST /task HTTP/1.1\r\nHost: test\r\nAccept: application/json\r\n"
        + "traceparent: 00-" + TRACE_ID + "-b7ad6b7169203331-01\r\n" + bodyHeader + "\r\n\r\n");
  }

  private static String chunk(int size) {
    return Integer.toHexString(size) + "\r\n" + " ".repeat(size) + "\r\n";
  }

  private static void assertTraced(int status, String reason, Connection connection) throws IOException {
    Answer answer = connection.answer();

    assertThat(answer.status()).isEqualTo(status);
    assertThat(answer.reason()).isEqualTo(reason);
    assertThat(answer.json().path("traceId").asString()).isEqualTo(TRACE_ID);
  }

  @Configuration(proxyBeanMethods = false)
  static class Ended implements SpanProcessor {

    static final Queue<SpanData> SPANS = new ConcurrentLinkedQueue<>();

    @Override
    public void onStart(Context parent, ReadWriteSpan span) {
      // only its end is of interest
    }

    @Override
    public boolean isStartRequired() {
      return false;
    }

    @Override
    public void onEnd(ReadableSpan span) {
      SPANS.add(span.toSpanData());
    }

    @Override
    public boolean isEndRequired() {
      return true;
    }
  }
}
