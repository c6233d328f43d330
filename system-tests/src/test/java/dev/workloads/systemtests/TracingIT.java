package dev.workloads.systemtests;

import static org.assertj.core.api.Assertions.assertThat;

import com.sun.net.httpserver.HttpServer;
import dev.workloads.messaging.test.NatsServer;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** One trace, from the HTTP request over the broker into the handler. */
class TracingIT {

  private static final String TRACE_ID = "0af7651916cd43dd8448eb211c80319c";

  private static final String SERVER = "server.address\u0012\u000b\n\t127.0.0.1"; // as protobuf writes it

  @AutoClose
  private static final NatsServer NATS = NatsServer.start();

  private final List<String> exports = new CopyOnWriteArrayList<>();
  private HttpServer receiver;

  @BeforeEach
  void receive() throws IOException {
    receiver = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
    receiver.createContext("/v1/traces", exchange -> {
      exports.add(new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.ISO_8859_1));
      exchange.sendResponseHeaders(200, -1);
      exchange.close();
    });
    receiver.start();
  }

  @AfterEach
  void stopReceiving() {
    receiver.stop(0);
  }

  @Test
  void traceCrossesBothProcessesAndTheirLogs() throws IOException, InterruptedException {
    String soon = "--management.opentelemetry.tracing.export.schedule-delay=100ms";
    try (App worker = App.taskLeet(NATS.url(), endpoint(), soon);
        App httpApi = App.httpApi(NATS.url(), endpoint(), soon, "--logging.level.dev.workloads.httpapi=debug")) {
      worker.awaitReady();
      httpApi.awaitReady();

      var answer = post(httpApi, "{\"payload\": \"Hello\"}");
      httpApi.post("{\"payload\": \"not in the trace\"}");

      assertThat(answer.statusCode()).isEqualTo(200);
      String rawTraceId = new String(HexFormat.of().parseHex(TRACE_ID), StandardCharsets.ISO_8859_1);
      Awaitility.await().untilAsserted(() -> {
        assertExported(rawTraceId, "http-api", "http post /task");
        assertExported(rawTraceId, "http-api", "send tasks.default", SERVER);
        assertExported(rawTraceId, "task-leet", "process tasks.default", SERVER);
      });
    }
  }

  @Test
  void failureIsLoggedWithItsTraceInBothProcesses() throws IOException, InterruptedException {
    try (App worker = App.of(TestWorker.class, NATS.url(), endpoint());
        App httpApi = App.httpApi(NATS.url(), endpoint(), "--logging.level.dev.workloads.httpapi=debug")) {
      worker.awaitReady();
      httpApi.awaitReady();

      var answer = post(httpApi, "{\"payload\": \"fail\"}");

      assertThat(answer.body()).contains("\"reason\":\"handler-failed\"", "\"traceId\":\"" + TRACE_ID + "\"");
      assertThat(httpApi.log()).containsPattern("\\[" + TRACE_ID + "-.*A request for a task has failed, and its client learns why: failed as asked");
      assertThat(worker.log()).containsPattern("\\[" + TRACE_ID + "-.*Rejected a message: failed as asked");
    }
  }

  @Test
  void containerLogsAreEcsJsonWithTheTrace() throws IOException, InterruptedException {
    try (App httpApi = App.httpApi(NATS.url(), endpoint(), "--logging.structured.format.console=ecs",
            "--logging.level.dev.workloads.httpapi=debug")) {
      httpApi.awaitReady();
      post(httpApi, "{\"payload\": \"nobody is there\"}");

      List<JsonNode> lines = httpApi.log().lines().map(JsonMapper.shared()::readTree).toList();
      assertThat(lines).isNotEmpty().allSatisfy(line -> {
        assertThat(line.at("/@timestamp").asString()).isNotEmpty();
        assertThat(line.at("/message").asString()).isNotEmpty();
        assertThat(line.at("/log/level").asString()).isNotEmpty();
        assertThat(line.at("/service/name").asString()).isEqualTo("http-api");
      });
      assertThat(lines).anySatisfy(line -> {
        assertThat(line.at("/message").asString()).startsWith("A request for a task has failed");
        assertThat(line.at("/traceId").asString()).isEqualTo(TRACE_ID);
      });
    }
  }

  // A trace may come in several exports
  private void assertExported(String... texts) {
    assertThat(exports).anySatisfy(export -> assertThat(export).contains(texts));
  }

  private static HttpResponse<String> post(App httpApi, String json) throws IOException, InterruptedException {
    return HttpClient.newHttpClient().send(HttpRequest.newBuilder(
            URI.create("http://127.0.0.1:" + httpApi.port() + "/task"))
        .header("traceparent", "00-" + TRACE_ID + "-b7ad6b7169203331-01").header("Accept", "application/json")
        .POST(HttpRequest.BodyPublishers.ofString(json)).build(), BodyHandlers.ofString());
  }

  private String endpoint() {
    return "--management.opentelemetry.tracing.export.otlp.endpoint=http://127.0.0.1:"
        + receiver.getAddress().getPort() + "/v1/traces";
  }
}
