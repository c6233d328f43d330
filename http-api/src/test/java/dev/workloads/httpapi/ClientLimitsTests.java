package dev.workloads.httpapi;

import static org.assertj.core.api.Assertions.assertThat;

import dev.workloads.messaging.BrokerMessage;
import dev.workloads.messaging.testing.Patience;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.search.Search;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.BlockingQueue;
import java.util.stream.Stream;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What a client may ask for, and how much of it. */
class ClientLimitsTests {

  private static final String A = Keys.header("key of A");
  private static final String B = Keys.header("key of B");
  private static final String KEY_OF_A = "task.clients.a.key-sha256=" + Keys.sha256("key of A");
  private static final String KEY_OF_B = "task.clients.b.key-sha256=" + Keys.sha256("key of B");
  private static final String JSON = "Accept: application/problem+json";

  private HttpApi api; // each test starts its own

  @AfterEach
  void stop() {
    api.stopWorkers();
    api.context().close();
  }

  private void start(String... settings) {
    api = HttpApi.start(List.of(settings));
  }

  @Test
  void workersThatAreNotNamedAreRefusedToEverybody() throws Exception {
    start("task.workers=default,image-*", "task.durable.enabled=true");
    for (String allowed : List.of("default", "image-resize", "image-")) {
      api.echo(allowed);
      assertThat(api.task(allowed, "x").text()).isEqualTo("x");
    }
    BlockingQueue<BrokerMessage> received = api.silent("tasks.>");
    for (String other : List.of("image", "other", "Default")) {
      for (Answer refusal : List.of(api.task(other, "x"), api.submit(other, "x"))) {
        assertThat(refusal.status()).isEqualTo(403);
        assertThat(refusal.reason()).isEqualTo("worker-not-allowed");
      }
    }
    api.publish(new BrokerMessage("tasks.last", new byte[0]));
    assertThat(received.take().subject()).isEqualTo("tasks.last");
    assertThat(requests("none")).isEqualTo(9);
    assertThat(refused("none", "worker-not-allowed")).isEqualTo(6);
  }

  @Test
  void noWorkerCountsAsTheDefaultOne() throws IOException {
    start("task.workers=other");
    assertThat(api.post("{\"payload\":\"x\"}", JSON).reason()).isEqualTo("worker-not-allowed");
    assertThat(api.post("{\"worker\":null,\"payload\":\"x\"}", JSON).status()).isEqualTo(403);
    assertThat(api.post("{\"worker\":\"nosuch\"}", JSON).reason()).isEqualTo("invalid-request");
  }

  @Test
  void clientAsksForItsOwnWorkers() throws IOException {
    start("task.workers=image-*,text", KEY_OF_A, "task.clients.a.workers=image-small", KEY_OF_B);
    Stream.of("image-small", "image-large", "text", "other").forEach(api::echo);
    assertThat(statuses(A)).containsExactly(200, 403, 403, 403);
    assertThat(statuses(B)).containsExactly(200, 200, 200, 403);
    assertThat(refused("a", "worker-not-allowed")).isEqualTo(3);
    assertThat(refused("b", "worker-not-allowed")).isEqualTo(1);
  }

  private List<Integer> statuses(String key) {
    return Stream.of("image-small", "image-large", "text", "other").map(worker -> status(worker, key)).toList();
  }

  private int status(String worker, String... headers) {
    try {
      return api.post(HttpApi.json(worker, "x"), headers).status();
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  @Test
  void requestsAtOnceAreBounded() throws Exception {
    start(KEY_OF_A, "task.clients.a.max-in-flight=1", KEY_OF_B);
    BlockingQueue<BrokerMessage> waiting = api.silent("tasks.slow");
    api.echo("quick");
    try (Connection first = api.connect().send(HttpApi.taskRequest(HttpApi.json("slow", "x"), A))) {
      BrokerMessage request = waiting.take();
      Answer refusal = api.post(HttpApi.json("quick", "x"), A, JSON);
      assertThat(refusal.status()).isEqualTo(429);
      assertThat(refusal.reason()).isEqualTo("too-many-requests");
      assertThat(refusal.header("Retry-After")).isEqualTo("1");
      assertThat(api.get("/task/" + "A".repeat(22), A).status()).isEqualTo(429);
      assertThat(status("quick", B)).isEqualTo(200);
      api.publish(new BrokerMessage(String.valueOf(request.replyTo()), new byte[0]));
      assertThat(first.answer().status()).isEqualTo(200);
    }
    for (int i = 0; i < 200; i++) { // a place is free before the answer
      assertThat(status("quick", A)).isEqualTo(200);
    }
    assertThat(refused("a", "max-in-flight")).isEqualTo(2);
  }

  @Test
  void requestThatWaitsForADurableTaskIsOneOfThem() throws Exception {
    start("task.durable.enabled=true", KEY_OF_A, "task.clients.a.max-in-flight=1");
    api.queue("durable");
    String path = String.valueOf(api.submit("durable", "x", A).header("Location"));
    try (Connection waiting = api.connect().send("GET " + path + " HTTP/1.1\r\nHost: test\r\n"
        + HttpApi.lines(A, "Prefer: wait=20") + "\r\n")) {
      awaitAdmitted(2);
      assertThat(api.get(path, A).status()).isEqualTo(429);
      api.durableWorker("durable", message -> message.reply("done"));
      assertThat(waiting.answer().member("state")).isEqualTo("succeeded");
    }
    assertThat(api.get(path, A).status()).isEqualTo(200);
  }

  @Test
  void requestWhoseBodyIsToComeIsOneOfThemUntilItEnds() throws Exception {
    start(KEY_OF_A, "task.clients.a.max-in-flight=1", "task.body-timeout=5s");
    api.echo("quick");
    String json = HttpApi.json("quick", "x");
    try (Connection slow = api.connect().send(HttpApi.taskHead(json.length(), A)).send("{")) {
      awaitAdmitted(1);
      assertThat(status("quick", A)).isEqualTo(429);
      assertThat(slow.send(json.substring(1)).answer().status()).isEqualTo(200);
    }
    assertThat(status("quick", A)).isEqualTo(200);
    try (Connection late = api.connect().send(HttpApi.taskHead(json.length(), A)).send("{")) {
      assertThat(late.answer().status()).isEqualTo(408);
    }
    assertThat(status("quick", A)).isEqualTo(200);
    api.connect().send(HttpApi.taskHead(json.length(), A)).send("{").close();
    Awaitility.await().until(() -> status("quick", A) == 200);
  }

  @Test
  void refusalComesBeforeTheBodyIsAskedFor() throws Exception {
    start(KEY_OF_A, "task.clients.a.rate=0.001");
    assertThat(api.get("/task", A).status()).isEqualTo(405);
    for (String key : List.of(A, B)) {
      try (Connection connection = api.connect().send(HttpApi.taskHead(1 << 20, key, "Expect: 100-continue"))) {
        assertThat(connection.answer().status()).isEqualTo(key.equals(A) ? 429 : 401);
      }
    }
  }

  @Test
  void requestsASecondAreBounded() throws IOException {
    start(KEY_OF_A, "task.clients.a.rate=0.01", KEY_OF_B);
    api.echo("quick");
    assertThat(status("quick", A)).isEqualTo(200);
    Answer refusal = api.post(HttpApi.json("quick", "x"), A, JSON);
    assertThat(refusal.status()).isEqualTo(429);
    assertThat(refusal.reason()).isEqualTo("too-many-requests");
    assertThat(Integer.parseInt(String.valueOf(refusal.header("Retry-After")))).isBetween(50, 100);
    assertThat(status("quick", B)).isEqualTo(200);
    assertThat(refused("a", "rate")).isEqualTo(1);
    assertThat(requests("a")).isEqualTo(2);
    assertThat(status("quick")).isEqualTo(401);
    assertThat(refused("unknown", "unauthorized")).isEqualTo(1);
    assertThat(requests("unknown")).isEqualTo(1);
  }

  @Test
  void atMostAHundredClientsHaveATagOfTheirOwn() throws IOException {
    start(Stream.iterate(0, i -> i + 1).limit(103)
        .map(i -> "task.clients.c" + i + ".key-sha256=" + Keys.sha256("key " + i)).toArray(String[]::new));
    for (int i = 0; i < 103; i++) {
      api.get("/task", Keys.header("key " + i));
    }
    assertThat(Search.in(meters()).name("task.requests").counters()).hasSize(103); // with none, other and unknown
    assertThat(requests("other")).isEqualTo(3);
  }

  @Test
  void anotherResolverTakesThePlaceOfTheKeys() throws IOException {
    api = HttpApi.resolving(request -> Optional.ofNullable(request.getHeader("X-Client")),
        "task.clients.a.rate=0.001", "task.workers=who");
    api.worker("who", message -> message.reply("of " + message.header("Task-Client")));
    String json = HttpApi.json("who", "x");
    assertThat(api.post(json, "X-Client: a").text()).isEqualTo("of a");
    assertThat(api.post(json, "X-Client: a").status()).isEqualTo(429);
    for (int i = 0; i < 10; i++) {
      assertThat(api.post(json, "X-Client: alice@example.org").text()).isEqualTo("of alice@example.org");
    }
    assertThat(api.post(HttpApi.json("another", "x"), "X-Client: alice@example.org").status()).isEqualTo(403);
    assertThat(requests("other")).isEqualTo(11);
    assertThat(Files.readString(Path.of("../docs/operate/security.md"))).as("shows this resolver")
        .contains("return request -> Optional.ofNullable(request.getHeader(\"X-Client\"));");
    for (String nobody : List.of("X-Other: a", "X-Client:", "X-Client: a b", "X-Client: \u00e4", "X-Client: " + "a".repeat(256))) {
      assertThat(api.post(json, nobody).status()).as(nobody).isEqualTo(401);
    }
  }

  @Test
  void accessLogNamesTheClient(@TempDir Path logs) throws IOException {
    start(KEY_OF_A, "server.tomcat.accesslog.enabled=true", "server.tomcat.accesslog.buffered=false",
        "server.tomcat.accesslog.directory=" + logs, "server.tomcat.accesslog.pattern=user %u status %s");
    api.get("/task", A);
    api.get("/task", B);
    Awaitility.await().until(() -> text(logs).contains("user a status 405\n") && text(logs).contains("user - status 401\n"));
    assertThat(text(logs)).doesNotContain("key of");
  }

  private static String text(Path directory) throws IOException {
    StringBuilder text = new StringBuilder();
    try (Stream<Path> files = Files.list(directory)) {
      for (Path file : files.toList()) {
        text.append(Files.readString(file));
      }
    }
    return text.toString();
  }

  // A request that is counted has its place at once; one that asks for it before would take it
  private void awaitAdmitted(int requests) {
    Awaitility.await().pollDelay(Patience.FOR_A_WRONG_ONE).until(() -> requests("a") == requests);
  }

  private double requests(String client) {
    return Search.in(meters()).name("task.requests").tag("client", client).counter().count();
  }

  private double refused(String client, String reason) {
    return Search.in(meters()).name("task.refused").tag("client", client).tag("reason", reason).counter().count();
  }

  private MeterRegistry meters() {
    return api.context().getBean(MeterRegistry.class);
  }
}
