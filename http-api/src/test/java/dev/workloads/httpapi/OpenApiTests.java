package dev.workloads.httpapi;

import static org.assertj.core.api.Assertions.assertThat;

import com.networknt.schema.Error;
import com.networknt.schema.SchemaLocation;
import com.networknt.schema.SchemaRegistry;
import com.networknt.schema.dialect.Dialects;
import dev.workloads.messaging.BrokerException;
import dev.workloads.messaging.BrokerException.Reason;
import dev.workloads.messaging.ErrorReply;
import dev.workloads.messaging.MessageRejectedException;
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
import java.util.concurrent.CountDownLatch;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.IntNode;
import tools.jackson.databind.node.ObjectNode;
import tools.jackson.databind.node.StringNode;
import tools.jackson.dataformat.yaml.YAMLMapper;

/** Holds the description against what the service accepts and answers, both ways. */
class OpenApiTests {

  private static final String OPENAPI = "https://spec.openapis.org/";
  private static final String DESCRIPTION = "urn:description";
  private static final String REQUEST = "/paths/~1task/post/requestBody/content/application~1json";
  private static final String POST = "/paths/~1task/post";
  private static final String GET = "/paths/~1task~1{id}/get";
  private static final String DELETE = "/paths/~1task~1{id}/delete";
  private static final String RESULT = "/paths/~1task~1{id}~1result/get";
  private static final List<String> OPERATIONS = List.of(POST, GET, DELETE, RESULT);
  private static final String JSON = "application/json";
  private static final String PROBLEM = "application/problem+json";
  private static final String KEY = Keys.header("key");
  private static final String USED_UP = Keys.header("key of a client at its rate");
  private static final int LARGE = 900_000;
  private static final Set<String> FRAMING = Set.of("Content-Type", "Content-Length", "Transfer-Encoding", "Date", "Keep-Alive");

  @RegisterExtension
  static final HttpApi patient = HttpApi.with();

  private static final ScriptedTransport broken = new ScriptedTransport();
  private static final BrokenStore brokenStore = new BrokenStore();
  private static final CountDownLatch end = new CountDownLatch(1);
  private static final List<Answered> answers = new ArrayList<>();
  private static HttpApi api;
  private static HttpApi failing;
  private static HttpApi unconnected;
  private static HttpApi failingToKeep;
  private static HttpApi guarded;
  private static JsonNode description;
  private static SchemaRegistry schemas;

  /** A request that gets its answer in the format that the Accept header asks for. */
  private interface Exchange {

    Answer send(String accept) throws IOException;
  }

  /** What an operation answered. */
  private record Answered(String operation, Answer answer) {}

  @BeforeAll
  static void start() throws IOException {
    api = HttpApi.start(List.of("task.durable.enabled=true", "task.request-timeout=300ms", "task.body-timeout=300ms",
        "messaging.request.retry-window=0", "task.max-buffered=1500KB", "management.tracing.sampling.probability=0",
        "management.opentelemetry.tracing.export.otlp.endpoint=http://127.0.0.1:1"));
    failing = HttpApi.over(broken);
    unconnected = HttpApi.over(null, "messaging.request.retry-window=0",
        "messaging.nats.servers=nats://127.0.0.1:" + freePort());
    failingToKeep = HttpApi.keepingTasksIn(brokenStore);
    guarded = HttpApi.start(List.of("task.durable.enabled=true", "task.workers=task-leet", "messaging.drain-timeout=0s",
        "task.clients.a.key-sha256=" + Keys.sha256("key"), "task.clients.b.rate=0.001",
        "task.clients.b.key-sha256=" + Keys.sha256("key of a client at its rate")));
    guarded.get("/task", USED_UP);
    description = new YAMLMapper().readTree(api.get(api.managementPort(), "/actuator/openapi").body());
    description.path("paths").forEach(path -> path.forEach(operation -> inline(operation.path("responses"))));
    startDurableWorkers();
    schemas = SchemaRegistry.withDefaultDialect(Dialects.getOpenApi31(), builder -> builder
        .schemas(Map.of(DESCRIPTION, description.toString()))
        .schemaIdResolvers(ids -> ids.mapPrefix(OPENAPI, "classpath:spec.openapis.org/")));
    exchangeAll();
    startDraining();
    exchangeAll();
  }

  @AfterAll
  static void stop() {
    end.countDown();
    api.stopWorkers();
    guarded.stopWorkers();
    apis().forEach(each -> each.context().close());
  }

  private static List<HttpApi> apis() {
    return List.of(api, failing, unconnected, failingToKeep, guarded);
  }

  /** Puts shared responses where they are referred to. */
  private static void inline(JsonNode responses) {
    responses.propertyStream().filter(response -> response.getValue().has("$ref")).toList().forEach(response ->
        ((ObjectNode) responses).set(response.getKey(),
            description.at(response.getValue().path("$ref").stringValue().substring(1))));
  }

  private static void startDurableWorkers() throws IOException {
    api.queue("nobody-comes");
    api.durableWorker("task-leet", message -> message.reply("H3110 W0r1d"));
    api.durableWorker("image", message -> message.reply(new byte[] {(byte) 0xFF}).withHeader("Content-Type", "image/png"));
    api.durableWorker("failing", message -> {
      throw new IllegalStateException();
    });
    api.durableWorker("rejecting", message -> {
      throw new MessageRejectedException("failed to decode body: not valid UTF-8");
    });
    api.durableWorker("large", message -> message.reply(new byte[LARGE]));
    api.reportingWorker("slow", (job, progress) -> {
      progress.report(40, "page 4 of 10");
      end.await();
      return null;
    });
    failingToKeep.queue("nobody-comes");
    api.submit("task-leet", "x", "Idempotency-Key: a");
  }

  private static int freePort() throws IOException {
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      return socket.getLocalPort();
    }
  }

  private static void startDraining() {
    apis().forEach(each -> each.context().getBean(DrainLifecycle.class).stop());
  }

  private static void exchangeAll() throws IOException {
    api.worker("task-leet", message -> message.reply("H3110 W0r1d".getBytes(StandardCharsets.UTF_8)));
    api.streamingWorker("words", (message, replies) ->
        Stream.of(message.text().split(" ")).forEach(word -> replies.send(message.reply(word))));
    api.worker("image", message -> message.reply(new byte[] {(byte) 0xFF}).withHeader("Content-Type", "image/png"));
    api.worker("failing", message -> ErrorReply.of(new IOException()).toMessage());
    api.worker("rejecting", message -> new ErrorReply(400, "failed to decode body: not valid UTF-8").toMessage());
    api.worker("full", message -> ErrorReply.full().toMessage());
    api.silent("tasks.silent");
    api.worker("broken", message -> message.reply("x").withHeader("Part", "2"));
    guarded.worker("task-leet", message -> message.reply("H3110 W0r1d"));
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
        accept -> send("POST /task HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: x\r\n" + accept + "\r\n\r\n"),
        accept -> api.post(example, accept, "Prefer: respond-async"),
        accept -> api.post(HttpApi.json("task-leet", "another"), accept, "Prefer: respond-async", "Idempotency-Key: a"),
        accept -> guarded.post(example, accept),
        accept -> guarded.post(HttpApi.json("another", "x"), accept, KEY),
        accept -> guarded.post(example, accept, USED_UP),
        accept -> api.post(HttpApi.json("words", "one two"), "Accept: text/event-stream"),
        accept -> guarded.post(example, accept, "Accept: text/event-stream;q=0.1", KEY),
        accept -> api.post(HttpApi.json("words", "{\"row\":1} {\"row\":2}"), "Accept: application/x-ndjson"),
        accept -> api.post(HttpApi.json("broken", "x"), accept, "Accept: text/event-stream;q=0.1"));
    exchange(POST, exchanges);
    exchangeDurable();
  }

  private static void exchangeDurable() throws IOException {
    String queued = api.path("nobody-comes", "x");
    String succeeded = finished("task-leet");
    String image = finished("image");
    String large = finished("large");
    String failed = finished("failing");
    String rejected = finished("rejecting");
    String running = api.path("slow", "x");
    Awaitility.await().until(() -> api.get(running).json().has("progress"));
    String cancelled = api.path("nobody-comes", "x");
    String unknown = "/task/" + "x".repeat(22);
    String kept = failingToKeep.path("nobody-comes", "x");
    exchange(DELETE, List.of(
        accept -> api.send("DELETE", cancelled, accept),
        accept -> api.send("DELETE", unknown, accept),
        accept -> api.send("DELETE", queued, accept, "If-Match: \"0\""),
        accept -> api.send("DELETE", running, accept),
        accept -> api.send("DELETE", succeeded, accept),
        accept -> failingToKeep("DELETE", kept, accept, new IllegalStateException()),
        accept -> failingToKeep("DELETE", kept, accept, new BrokerException(Reason.TIMEOUT, "why")),
        accept -> failingToKeep("DELETE", kept, accept, new BrokerException(Reason.BROKER_UNAVAILABLE, "why")),
        accept -> guarded.send("DELETE", unknown, accept),
        accept -> guarded.send("DELETE", unknown, accept, USED_UP)));
    exchange(GET, List.of(
        accept -> api.get(queued, accept),
        accept -> api.get(running, accept),
        accept -> api.get(succeeded, accept),
        accept -> api.get(rejected, accept),
        accept -> api.get(cancelled, accept),
        accept -> api.get(queued, accept, "If-None-Match: *"),
        accept -> api.get(queued, accept, "If-Match: \"0\""),
        accept -> api.get(succeeded, accept, "If-None-Match: *"),
        accept -> api.get(unknown, accept),
        accept -> api.send("PUT", unknown, accept),
        accept -> failingToKeep("GET", kept, accept, new IllegalStateException()),
        accept -> failingToKeep("GET", kept, accept, new BrokerException(Reason.TIMEOUT, "why")),
        accept -> failingToKeep("GET", kept, accept, new BrokerException(Reason.BROKER_UNAVAILABLE, "why")),
        accept -> guarded.get(unknown, accept),
        accept -> guarded.get(unknown, accept, USED_UP)));
    exchange(RESULT, List.of(
        accept -> api.get(succeeded + "/result", accept),
        accept -> api.get(succeeded + "/result", accept, "If-None-Match: *"),
        accept -> api.get(image + "/result", accept),
        accept -> api.get(queued + "/result", accept),
        accept -> api.get(cancelled + "/result", accept),
        accept -> api.get(failed + "/result", accept),
        accept -> api.get(rejected + "/result", accept),
        accept -> api.get(unknown + "/result", accept),
        accept -> api.send("DELETE", unknown + "/result", accept),
        accept -> besideASlowReader(large + "/result", accept),
        accept -> failingToKeep("GET", kept + "/result", accept, new IllegalStateException()),
        accept -> failingToKeep("GET", kept + "/result", accept, new BrokerException(Reason.TIMEOUT, "why")),
        accept -> failingToKeep("GET", kept + "/result", accept, new BrokerException(Reason.BROKER_UNAVAILABLE, "why")),
        accept -> guarded.get(unknown + "/result", accept),
        accept -> guarded.get(unknown + "/result", accept, USED_UP)));
  }

  /** Gets what is large while a client that does not read holds all the room for that. */
  private static Answer besideASlowReader(String path, String accept) throws IOException {
    try (Connection slow = api.slowReader("GET " + path + " HTTP/1.1\r\nHost: test\r\n\r\n")) {
      return api.get(path, accept);
    }
  }

  private static void exchange(String operation, List<Exchange> exchanges) throws IOException {
    for (Exchange exchange : exchanges) {
      answers.add(new Answered(operation, exchange.send("Accept: */*")));
      answers.add(new Answered(operation, exchange.send("Accept: " + PROBLEM)));
    }
  }

  /** Submits a task and returns its path once it is finished; a wait would end at once while draining. */
  private static String finished(String worker) throws IOException {
    String path = api.path(worker, "x");
    Awaitility.await().until(() -> api.get(path).json().has("finished"));
    return path;
  }

  private static Answer failingToKeep(String method, String path, String accept, RuntimeException failure)
      throws IOException {
    brokenStore.fail(failure, null, null);
    try {
      return failingToKeep.send(method, path, accept);
    } finally {
      brokenStore.fail(null, null, null);
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
    for (Answered answered : answers) {
      assertThat(violations(answered)).as("%s: %s", answered, answered.answer().text()).isEmpty();
    }
  }

  @Test
  void everythingThatIsDescribedIsAnswered() {
    assertThat(seen()).containsAll(promised());
    Set<String> bodies = answers.stream().map(answered -> answered.operation() + " " + answered.answer().status() + " "
        + masked(body(answered.answer()))).collect(Collectors.toSet());
    forEachMedia((operation, status, type, media) -> examples(media).forEach(example ->
        assertThat(bodies).contains(operation + " " + status + " " + masked(example))));
  }

  @Test
  void examplesAreValid() {
    assertThat(validate(REQUEST + "/schema", description.at(REQUEST + "/example"))).isEmpty();
    forEachMedia((operation, status, type, media) -> examples(media).forEach(example ->
        assertThat(validate(schemaOf(operation, status, type), example)).isEmpty()));
  }

  private interface MediaConsumer {

    void accept(String operation, String status, String type, JsonNode media);
  }

  private static void forEachMedia(MediaConsumer consumer) {
    OPERATIONS.forEach(operation -> responses(operation).propertyStream().forEach(response ->
        response.getValue().path("content").propertyStream().forEach(media ->
            consumer.accept(operation, response.getKey(), media.getKey(), media.getValue()))));
  }

  private static JsonNode responses(String operation) {
    return description.at(operation + "/responses");
  }

  @Test
  void reasonsAreThoseOfTheService() {
    List<Problem> problems = Arrays.stream(Problem.values()).filter(p -> p != Problem.NOT_FOUND).toList(); // never JSON

    assertThat(values(description.at("/components/schemas/Problem/properties/reason/enum")))
        .containsExactlyElementsOf(problems.stream().map(Problem::reason).toList());
    assertThat(promised().stream().filter(promise -> promise.contains(" reason "))
        .map(promise -> promise.substring(promise.indexOf(' ') + 1)).distinct()).containsExactlyInAnyOrderElementsOf(
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

  @Test
  void everyOperationIsTested() {
    List<String> described = new ArrayList<>();
    description.path("paths").propertyStream().forEach(path -> path.getValue().propertyNames().stream()
        .filter(name -> !name.equals("parameters"))
        .forEach(method -> described.add(pointer("/paths", path.getKey(), method))));

    assertThat(described).containsExactlyElementsOf(OPERATIONS);
  }

  /** Returns a line for each header, content type, reason and member of a problem in each response. */
  private static Set<String> promised() {
    Set<String> promises = new TreeSet<>();
    OPERATIONS.forEach(operation -> responses(operation).propertyStream().forEach(response -> {
      String status = operation + " " + response.getKey();
      response.getValue().path("headers").propertyNames().forEach(name -> promises.add(status + " " + name));
      response.getValue().path("content").propertyNames().forEach(type -> promises.add(status + " " + type));
      values(response.getValue().path("content").path(PROBLEM).at("/schema/properties/reason/enum"))
          .forEach(reason -> promises.add(status + " reason " + reason));
    }));
    for (String schema : List.of("Problem", "TaskStatus")) {
      description.at("/components/schemas/" + schema + "/properties").propertyNames()
          .forEach(member -> promises.add(schema + " " + member));
    }
    return promises;
  }

  /** Returns the same lines for what was answered. */
  private static Set<String> seen() {
    Set<String> seen = new TreeSet<>();
    for (Answered answered : answers) {
      Answer answer = answered.answer();
      String status = answered.operation() + " " + status(answered);
      answer.headers().keySet().stream().filter(name -> !FRAMING.contains(name))
          .forEach(name -> seen.add(status + " " + name));
      if (answer.header("Content-Type") != null) {
        seen.add(status + " " + contentType(answered));
      }
      if (isOf(PROBLEM, answer)) {
        seen.add(status + " reason " + answer.reason());
        answer.json().propertyNames().forEach(member -> seen.add("Problem " + member));
      } else if (isOf(JSON, answer)) {
        answer.json().propertyNames().forEach(member -> seen.add("TaskStatus " + member));
      }
    }
    return seen;
  }

  private static List<Error> violations(Answered answered) {
    List<Error> errors = new ArrayList<>();
    Answer answer = answered.answer();
    String schema = schemaOf(answered.operation(), status(answered), contentType(answered));
    if (!description.at(schema).isMissingNode()) {
      errors.addAll(validate(schema, body(answer)));
    }
    responses(answered.operation()).path(status(answered)).path("headers").propertyStream().forEach(property -> {
      JsonNode ref = property.getValue().path("$ref");
      String header = ref.isMissingNode()
          ? pointer(answered.operation(), "responses", status(answered), "headers", property.getKey())
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

  private static String schemaOf(String operation, String status, String contentType) {
    return pointer(operation, "responses", status, "content", contentType, "schema");
  }

  private static String pointer(String start, String... names) {
    return start + Arrays.stream(names).map(name -> "/" + name.replace("/", "~1")).collect(Collectors.joining());
  }

  private static String status(Answered answered) {
    String status = Integer.toString(answered.answer().status());
    return responses(answered.operation()).has(status) ? status : "default";
  }

  private static String contentType(Answered answered) {
    String type = String.valueOf(answered.answer().header("Content-Type"));
    JsonNode content = responses(answered.operation()).path(status(answered)).path("content");
    return !content.has(type) && content.has("*/*") ? "*/*" : type;
  }

  private static JsonNode body(Answer answer) {
    return isOf(PROBLEM, answer) || isOf(JSON, answer) ? answer.json() : StringNode.valueOf(answer.text());
  }

  private static boolean isOf(String type, Answer answer) {
    return type.equals(answer.header("Content-Type"));
  }

  private static List<JsonNode> examples(JsonNode media) {
    List<JsonNode> examples = new ArrayList<>();
    if (media.has("example")) {
      examples.add(media.path("example"));
    }
    media.path("examples").forEach(example -> examples.add(example.path("value")));
    return examples;
  }

  // Traces, ids and times are others each time, and a timeout in a test is shorter
  private static String masked(JsonNode body) {
    return body.toString().replaceAll(",\"traceId\":\"\\w+\"", "").replaceAll("(\"id\":\"|/task/)[\\w-]{22}", "$1x")
        .replaceAll("\\d+", "0");
  }

  private static List<String> values(JsonNode array) {
    return array.valueStream().map(JsonNode::stringValue).toList();
  }

  private static JsonNode read(String json) {
    return new YAMLMapper().readTree(json);
  }
}
