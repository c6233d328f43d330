package dev.workloads.httpapi;

import static org.assertj.core.api.Assertions.assertThat;

import com.networknt.schema.Error;
import com.networknt.schema.SchemaLocation;
import com.networknt.schema.SchemaRegistry;
import com.networknt.schema.dialect.Dialects;
import dev.workloads.messaging.ErrorReply;
import dev.workloads.messaging.testing.ScriptedTransport;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.IntNode;
import tools.jackson.databind.node.StringNode;
import tools.jackson.dataformat.yaml.YAMLMapper;

/** Holds the description against what the service accepts and answers, both ways. */
class OpenApiTests {

  private static final String OPENAPI = "https://spec.openapis.org/";
  private static final String DESCRIPTION = "urn:description";
  private static final String REQUEST = "/paths/~1task/post/requestBody/content/application~1json";
  private static final String RESPONSES = "/paths/~1task/post/responses";
  private static final String PROBLEM = "application/problem+json";
  private static final Set<String> FRAMING = Set.of("Content-Type", "Content-Length", "Date", "Keep-Alive");

  @RegisterExtension
  static final HttpApi patient = HttpApi.with();

  private static final ScriptedTransport broken = new ScriptedTransport();
  private static final List<Answer> answers = new ArrayList<>();
  private static HttpApi api;
  private static HttpApi failing;
  private static HttpApi unconnected;
  private static JsonNode description;
  private static SchemaRegistry schemas;

  /** A request that gets its answer in the format that the Accept header asks for. */
  private interface Exchange {

    Answer send(String accept) throws IOException;
  }

  @BeforeAll
  static void start() throws IOException {
    api = HttpApi.start(List.of("task.request-timeout=300ms", "task.body-timeout=300ms",
        "messaging.request.retry-window=0", "management.tracing.sampling.probability=0",
        "management.opentelemetry.tracing.export.otlp.endpoint=http://127.0.0.1:1"));
    failing = HttpApi.over(broken);
    unconnected = HttpApi.over(null, "messaging.request.retry-window=0",
        "messaging.nats.servers=nats://127.0.0.1:" + freePort());
    description = new YAMLMapper().readTree(api.get(api.managementPort(), "/actuator/openapi").body());
    schemas = SchemaRegistry.withDefaultDialect(Dialects.getOpenApi31(), builder -> builder
        .schemas(Map.of(DESCRIPTION, description.toString()))
        .schemaIdResolvers(ids -> ids.mapPrefix(OPENAPI, "classpath:spec.openapis.org/")));
    exchangeAll();
    startDraining();
    exchangeAll();
  }

  @AfterAll
  static void stop() {
    List.of(api, failing, unconnected).forEach(each -> each.context().close());
  }

  private static int freePort() throws IOException {
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      return socket.getLocalPort();
    }
  }

  private static void startDraining() {
    List.of(api, failing, unconnected).forEach(each -> each.context().getBean(DrainLifecycle.class).stop());
  }

  private static void exchangeAll() throws IOException {
    api.worker("task-leet", message -> message.reply("H3110 W0r1d".getBytes(StandardCharsets.UTF_8)));
    api.worker("image", message -> message.reply(new byte[] {(byte) 0xFF}).withHeader("Content-Type", "image/png"));
    api.worker("failing", message -> ErrorReply.of(new IOException()).toMessage());
    api.worker("rejecting", message -> new ErrorReply(400, "failed to decode body: not valid UTF-8").toMessage());
    api.worker("full", message -> ErrorReply.full().toMessage());
    api.silent("tasks.silent");
    broken.answer(request -> {
      throw new IllegalStateException();
    });
    String example = description.at(REQUEST + "/example").toString();
    List<Exchange> exchanges = List.of(
        accept -> api.post(example, accept),
        accept -> api.post(example, accept, "Connection: keep-alive"),
        accept -> api.post(HttpApi.json("image", "x"), accept),
        accept -> api.post(HttpApi.json("rejecting", "x"), accept),
        accept -> api.post("{}", accept),
        accept -> api.get(api.port(), "/x", accept),
        accept -> api.get(api.port(), "/task", accept),
        accept -> send(HttpApi.taskHead(2, accept) + "{"),
        accept -> send(HttpApi.taskHead(9_000_000, accept)),
        accept -> api.post(HttpApi.json("silent", "x".repeat(1_048_577)), accept),
        accept -> api.post(HttpApi.json("failing", "x"), accept),
        accept -> api.post(HttpApi.json("nobody", "x"), accept),
        accept -> api.post(HttpApi.json("silent", "x"), accept),
        accept -> api.post(HttpApi.json("full", "x"), accept),
        accept -> failing.post(example, accept),
        accept -> unconnected.post(example, accept),
        accept -> send("POST /task HTTP/1.1\r\n" + accept + "\r\n\r\n"),
        accept -> send("POST /task HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: x\r\n" + accept + "\r\n\r\n"));
    for (Exchange exchange : exchanges) {
      answers.add(exchange.send("Accept: */*"));
      answers.add(exchange.send("Accept: " + PROBLEM));
    }
  }

  private static Answer send(String request) throws IOException {
    try (Connection connection = api.connect()) {
      return connection.send(request).answer();
    }
  }

  @Test
  void descriptionIsValidOpenApi() {
    assertThat(schemas.getSchema(SchemaLocation.of(OPENAPI + "oas/3.1/schema-base/2022-10-07")).validate(description))
        .isEmpty();
  }

  @Test
  void everythingThatIsAnsweredIsDescribed() {
    assertThat(promised()).containsAll(seen());
    for (Answer answer : answers) {
      assertThat(violations(answer)).as("%s: %s", answer, answer.text()).isEmpty();
    }
  }

  @Test
  void everythingThatIsDescribedIsAnswered() {
    assertThat(seen()).containsAll(promised());
    Set<String> bodies = answers.stream().map(answer -> answer.status() + " " + masked(body(answer)))
        .collect(Collectors.toSet());
    description.at(RESPONSES).propertyStream().forEach(response ->
        response.getValue().path("content").forEach(media -> examples(media).forEach(example ->
            assertThat(bodies).contains(response.getKey() + " " + masked(example)))));
  }

  @Test
  void examplesAreValid() {
    assertThat(validate(REQUEST + "/schema", description.at(REQUEST + "/example"))).isEmpty();
    description.at(RESPONSES).propertyStream().forEach(response ->
        response.getValue().path("content").propertyStream().forEach(media ->
            examples(media.getValue()).forEach(example ->
                assertThat(validate(schemaOf(response.getKey(), media.getKey()), example)).isEmpty())));
  }

  @Test
  void reasonsAreThoseOfTheService() {
    List<Problem> problems = Arrays.stream(Problem.values()).filter(p -> p != Problem.NOT_FOUND).toList(); // never JSON

    assertThat(values(description.at("/components/schemas/Problem/properties/reason/enum")))
        .containsExactlyElementsOf(problems.stream().map(Problem::reason).toList());
    assertThat(promised().stream().filter(promise -> promise.contains(" reason "))).containsExactlyInAnyOrderElementsOf(
        problems.stream().map(problem -> problem.status() + " reason " + problem.reason()).toList());
  }

  @ParameterizedTest
  @ValueSource(strings = {
      "{'payload':''}",
      "{'payload':'\\u0000 \\ud83d\\ude00'}",
      "{'payload':'x','worker':null}",
      "{'payload':'x','worker':'a'}",
      "{'payload':'x','worker':'A-z_0.9.-._'}",
      "{'payload':'x','worker':'0123456789012345678901234567890123456789012345678901234567890123"
          + "4567890123456789012345678901234567890123456789012345678901234567'}",
      "{'payload':'x','other':{'payload':1}}"})
  void requestThatTheSchemaAllowsIsAccepted(String json) throws IOException {
    String request = json.replace('\'', '"');
    patient.echo(">");

    assertThat(validate(REQUEST + "/schema", read(request))).isEmpty();
    assertThat(patient.post(request).status()).isEqualTo(200);
  }

  @ParameterizedTest
  @ValueSource(strings = {
      "{}",
      "[]",
      "'x'",
      "null",
      "{'payload':null}",
      "{'payload':1}",
      "{'payload':['x']}",
      "{'worker':'a'}",
      "{'payload':'x','worker':1}",
      "{'payload':'x','worker':''}",
      "{'payload':'x','worker':'.'}",
      "{'payload':'x','worker':'.a'}",
      "{'payload':'x','worker':'a.'}",
      "{'payload':'x','worker':'a..b'}",
      "{'payload':'x','worker':'a b'}",
      "{'payload':'x','worker':'a\\n'}",
      "{'payload':'x','worker':'*'}",
      "{'payload':'x','worker':'>'}",
      "{'payload':'x','worker':'\u00e4'}",
      "{'payload':'x','worker':'0123456789012345678901234567890123456789012345678901234567890123"
          + "45678901234567890123456789012345678901234567890123456789012345678'}"})
  void requestThatTheSchemaForbidsIsRefused(String json) throws IOException {
    String request = json.replace('\'', '"');

    assertThat(validate(REQUEST + "/schema", read(request))).isNotEmpty();
    assertThat(patient.post(request).status()).isEqualTo(400);
  }

  /** Returns a line for each header, content type, reason and member of a problem in each response. */
  private static Set<String> promised() {
    Set<String> promises = new TreeSet<>();
    description.at(RESPONSES).propertyStream().forEach(response -> {
      String status = response.getKey();
      response.getValue().path("headers").propertyNames().forEach(name -> promises.add(status + " " + name));
      response.getValue().path("content").propertyNames().forEach(type -> promises.add(status + " " + type));
      values(response.getValue().path("content").path(PROBLEM).at("/schema/properties/reason/enum"))
          .forEach(reason -> promises.add(status + " reason " + reason));
    });
    description.at("/components/schemas/Problem/properties").propertyNames()
        .forEach(member -> promises.add("problem " + member));
    return promises;
  }

  /** Returns the same lines for what was answered. */
  private static Set<String> seen() {
    Set<String> seen = new TreeSet<>();
    for (Answer answer : answers) {
      String status = status(answer);
      answer.headers().keySet().stream().filter(name -> !FRAMING.contains(name))
          .forEach(name -> seen.add(status + " " + name));
      seen.add(status + " " + contentType(answer));
      if (isProblem(answer)) {
        seen.add(status + " reason " + answer.reason());
        answer.json().propertyNames().forEach(member -> seen.add("problem " + member));
      }
    }
    return seen;
  }

  private static List<Error> violations(Answer answer) {
    List<Error> errors = new ArrayList<>();
    String schema = schemaOf(status(answer), contentType(answer));
    if (!description.at(schema).isMissingNode()) {
      errors.addAll(validate(schema, body(answer)));
    }
    description.at(RESPONSES).path(status(answer)).path("headers").propertyStream().forEach(property -> {
      JsonNode ref = property.getValue().path("$ref");
      String header = ref.isMissingNode() ? pointer(RESPONSES, status(answer), "headers", property.getKey())
          : ref.stringValue().substring(1);
      String value = answer.header(property.getKey());
      if (value != null) {
        errors.addAll(validate(header + "/schema", value.matches("\\d+") ? IntNode.valueOf(Integer.parseInt(value))
            : StringNode.valueOf(value)));
      } else {
        assertThat(description.at(header).path("required").asBoolean(false)).as(header + " of " + answer).isFalse();
      }
    });
    return errors;
  }

  private static List<Error> validate(String schema, JsonNode value) {
    return schemas.getSchema(SchemaLocation.of(DESCRIPTION + "#" + schema)).validate(value);
  }

  private static String schemaOf(String status, String contentType) {
    return pointer(RESPONSES, status, "content", contentType, "schema");
  }

  private static String pointer(String start, String... names) {
    return start + Arrays.stream(names).map(name -> "/" + name.replace("/", "~1")).collect(Collectors.joining());
  }

  private static String status(Answer answer) {
    String status = Integer.toString(answer.status());
    return description.at(RESPONSES).has(status) ? status : "default";
  }

  private static String contentType(Answer answer) {
    String type = String.valueOf(answer.header("Content-Type"));
    JsonNode content = description.at(RESPONSES).path(status(answer)).path("content");
    return !content.has(type) && content.has("*/*") ? "*/*" : type;
  }

  private static JsonNode body(Answer answer) {
    return isProblem(answer) ? answer.json() : StringNode.valueOf(answer.text());
  }

  private static boolean isProblem(Answer answer) {
    return PROBLEM.equals(answer.header("Content-Type"));
  }

  private static List<JsonNode> examples(JsonNode media) {
    List<JsonNode> examples = new ArrayList<>();
    if (media.has("example")) {
      examples.add(media.path("example"));
    }
    media.path("examples").forEach(example -> examples.add(example.path("value")));
    return examples;
  }

  // The trace is another each time, and a timeout in a test is shorter
  private static String masked(JsonNode body) {
    return body.toString().replaceAll(",\"traceId\":\"\\w+\"", "").replaceAll("\\d+", "0");
  }

  private static List<String> values(JsonNode array) {
    return array.valueStream().map(JsonNode::stringValue).toList();
  }

  private static JsonNode read(String json) {
    return new YAMLMapper().readTree(json);
  }
}
