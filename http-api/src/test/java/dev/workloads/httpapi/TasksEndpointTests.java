package dev.workloads.httpapi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.workloads.messaging.MessageRejectedException;
import java.io.IOException;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

/** The endpoint for operators, over HTTP, with both stores. */
class TasksEndpointTests {

  private static final String EXPOSED = "management.endpoints.web.exposure.include=tasks";
  private static final String ACCESS = "management.endpoint.tasks.access=";
  private static final String KNOWN_HOST = "messaging.durable.operations.allowed-hosts=Operator.example";
  private static final String LOCAL = "Host: localhost";
  private static final String JSON = "Content-Type: application/json";

  @RegisterExtension
  static final HttpApi inProcess = HttpApi.keepingTasksIn(StoreKind.IN_PROCESS, EXPOSED, ACCESS + "unrestricted", KNOWN_HOST);

  @ParameterizedTest
  @EnumSource
  void taskThatFailedIsFoundAndRetried(StoreKind kind) throws IOException {
    HttpApi api = HttpApi.keepingTasksIn(kind, EXPOSED, ACCESS + "unrestricted", KNOWN_HOST);
    AtomicBoolean mended = new AtomicBoolean();
    String path = fail(api, "retried", mended);
    String id = path.substring("/task/".length());
    try {
      JsonNode task = get(api, "/" + id).json();
      assertThat(task.path("state").asString()).isEqualTo("failed");
      assertThat(task.path("attempts").asInt()).isEqualTo(2);
      assertThat(task.path("job").asLong()).isPositive();
      assertThat(task.path("revision").asLong()).isPositive();
      assertThat(task.path("runner").asString()).isNotEmpty();

      JsonNode summary = get(api, "").json();
      assertThat(summary.path("workers").valueStream().map(worker -> worker.path("group").asString())).contains("retried");
      assertThat(summary.at("/bucket/bytes").asLong()).isPositive();
      assertThat(summary.at("/dead/groups").valueStream().map(group -> group.path("reason").asString())).contains("broken");

      JsonNode letter = get(api, "/dead?group=retried").json().at("/letters/0");
      assertThat(letter.path("task").asString()).isEqualTo(id);
      Answer payload = get(api, "/dead/" + letter.path("sequence").asLong() + "/payload");
      assertThat(payload.text()).isEqualTo("<b>x</b>");
      assertThat(payload.header("Content-Disposition")).isEqualTo("attachment");
      assertThat(payload.header("Content-Type")).isEqualTo("application/octet-stream");
      assertThat(payload.header("X-Content-Type-Options")).isEqualTo("nosniff");

      JsonNode dry = post(api, "/dead/retry", "{\"group\":\"retried\"}").json();
      assertThat(dry.path("dryRun").asBoolean()).isTrue();
      assertThat(dry.path("matched").asLong()).isEqualTo(1);
      assertThat(api.get(path).member("state")).isEqualTo("failed");

      mended.set(true);
      JsonNode done = post(api, "/dead/retry",
          "{\"group\":\"retried\",\"dryRun\":false,\"upTo\":" + dry.path("upTo").asLong() + "}").json();
      assertThat(done.path("putBack").asLong()).isEqualTo(1);
      await().until(() -> "succeeded".equals(api.get(path).member("state"))); // it says failed until a worker begins anew
      assertThat(get(api, "/dead?group=retried").json().path("letters")).isEmpty();
    } finally {
      api.stopWorkers();
    }
  }

  @Test
  void lettersComeInPages() throws IOException {
    AtomicBoolean never = new AtomicBoolean();
    fail(inProcess, "paged", never);
    fail(inProcess, "paged", never);
    JsonNode first = get(inProcess, "/dead?group=paged&reason=broken&limit=1").json();
    assertThat(first.path("letters")).hasSize(1);
    JsonNode second = get(inProcess, "/dead?group=paged&limit=1&after=" + first.path("next").asLong()).json();
    assertThat(second.path("letters")).hasSize(1);
    assertThat(second.at("/letters/0/sequence").asLong()).isGreaterThan(first.at("/letters/0/sequence").asLong());
    assertThat(get(inProcess, "/dead?group=paged&reason=other").json().path("letters")).isEmpty();
    JsonNode dry = post(inProcess, "/dead/delete", "{\"group\":\"paged\"}").json();
    JsonNode deleted = post(inProcess, "/dead/delete",
        "{\"group\":\"paged\",\"dryRun\":false,\"upTo\":" + dry.path("upTo").asLong() + "}").json();
    assertThat(deleted.path("deleted").asLong()).isEqualTo(dry.path("matched").asLong()).isEqualTo(2);
  }

  @ParameterizedTest
  @CsvSource(delimiter = '|', textBlock = """
      /dead?limit=0             | 400 | limit must be from 1 to 1000
      /dead?limit=1001          | 400 | limit must be from 1 to 1000
      /dead?limit=x             | 400 |
      /dead/9/payload           | 404 | there is no dead letter 9
      /dead/x/payload           | 404 | there is nothing at tasks/dead/x/payload
      /AAAAAAAAAAAAAAAAAAAAAA   | 404 | there is no task AAAAAAAAAAAAAAAAAAAAAA, or it has expired
      /a.task                   | 404 | there is no task a.task, or it has expired
      """)
  void mistakeIsExplained(String path, int status, String error) throws IOException {
    Answer answer = get(inProcess, path);
    assertThat(answer.status()).isEqualTo(status);
    assertThat(error == null || error.equals(answer.member("error"))).as(answer.text()).isTrue();
  }

  @ParameterizedTest
  @CsvSource(delimiter = '|', textBlock = """
      /dead/retry | {"dryRun":false}    | 400 | with dryRun false, name upTo
      /dead/burn  | {}                  | 404 | what changes something is at tasks/dead/retry
      /dead/retry | {"upTo":"x"}        | 400 |
      /dead/retry | {                   | 400 |
      """)
  void changeThatIsMalformedIsExplained(String path, String body, int status, String error) throws IOException {
    Answer answer = post(inProcess, path, body);
    assertThat(answer.status()).isEqualTo(status);
    assertThat(answer.text()).contains(error == null ? "" : error);
  }

  @ParameterizedTest
  @ValueSource(strings = {"localhost", "LOCALHOST:8001", "127.0.0.1", "10.1.2.3:8001", "[::1]", "[fe80::1]:8001",
      "operator.example", "operator.example:8001"})
  void hostThatIsKnownIsAnswered(String host) throws IOException {
    assertThat(get(inProcess, "", "Host: " + host).status()).isEqualTo(200);
  }

  @ParameterizedTest
  @ValueSource(strings = {"rebound.example", "rebound.example:8001", "localhost.example", "1.2.3.4.example", "127.0.0.1.nip.io"})
  void hostThatIsForeignIsRefused(String host) throws IOException {
    for (String path : new String[] {"/actuator/tasks", "/actuator/tasks/dead", "/actuator/%74asks", "/tasks"}) {
      Answer answer = send("GET", path, "", "Host: " + host);
      assertThat(answer.status()).as(path).isEqualTo(403);
      assertThat(answer.text()).contains("messaging.durable.operations.allowed-hosts");
    }
    assertThat(send("GET", "/actuator", "", "Host: " + host).status()).as("what is not ours").isEqualTo(200);
  }

  @Test
  void otherSiteIsRefused() throws IOException {
    assertThat(get(inProcess, "", LOCAL, "Sec-Fetch-Site: cross-site").status()).isEqualTo(403);
    assertThat(get(inProcess, "", LOCAL, "Sec-Fetch-Site: same-origin").status()).isEqualTo(200);
    assertThat(get(inProcess, "", LOCAL, "Sec-Fetch-Site: none").status()).isEqualTo(200);
  }

  @ParameterizedTest
  @ValueSource(strings = {"text/plain", "application/x-www-form-urlencoded", "application/jsonx"})
  void changeThatAFormCouldSendIsRefused(String type) throws IOException {
    Answer answer = send("POST", "/actuator/tasks/dead/delete", "{}", LOCAL, "Content-Type: " + type);
    assertThat(answer.status()).isEqualTo(415);
    assertThat(answer.text()).contains("application/json");
    assertThat(send("POST", "/actuator/tasks/dead/delete", "{}", LOCAL).status()).isEqualTo(415);
    assertThat(send("POST", "/actuator/tasks/dead/delete", "{}", LOCAL, JSON + "; charset=utf-8").status()).isEqualTo(200);
  }

  @Test
  void accessIsNoneUnlessItIsGiven() throws IOException {
    HttpApi readOnly = HttpApi.keepingTasksIn(StoreKind.IN_PROCESS, EXPOSED, ACCESS + "read-only");
    assertThat(get(readOnly, "").status()).isEqualTo(200);
    assertThat(post(readOnly, "/dead/retry", "{}").status()).isIn(404, 405);
    assertThat(get(HttpApi.keepingTasksIn(StoreKind.IN_PROCESS, EXPOSED), "").status()).isEqualTo(404);
    assertThat(get(HttpApi.with(EXPOSED, ACCESS + "unrestricted"), "").status()).as("no durable tasks").isEqualTo(404);
  }

  private static String fail(HttpApi api, String worker, AtomicBoolean mended) throws IOException {
    api.durableWorker(worker, message -> {
      if (!mended.get()) {
        throw new MessageRejectedException(500, "broken");
      }
      return message.reply(message.body());
    });
    String path = api.path(worker, "<b>x</b>");
    assertThat(api.get(path, "Prefer: wait=20").member("state")).isEqualTo("failed");
    return path;
  }

  private static Answer get(HttpApi api, String path, String... headers) throws IOException {
    return send(api, "GET", "/actuator/tasks" + path, "", headers.length == 0 ? new String[] {LOCAL} : headers);
  }

  private static Answer post(HttpApi api, String path, String json) throws IOException {
    return send(api, "POST", "/actuator/tasks" + path, json, LOCAL, JSON);
  }

  private static Answer send(String method, String path, String body, String... headers) throws IOException {
    return send(inProcess, method, path, body, headers);
  }

  private static Answer send(HttpApi api, String method, String path, String body, String... headers) throws IOException {
    try (Connection connection = new Connection(api.managementPort())) {
      return connection.send(method + " " + path + " HTTP/1.1\r\n" + HttpApi.lines(headers) + "Content-Length: " + body.length()
          + "\r\n\r\n" + body).answer();
    }
  }
}
