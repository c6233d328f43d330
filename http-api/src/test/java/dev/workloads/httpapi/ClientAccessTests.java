package dev.workloads.httpapi;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.security.GeneralSecurityException;
import java.util.Base64;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.EnumSource;

/** Who may send requests, and whose tasks they see. */
@ParameterizedClass
@EnumSource
class ClientAccessTests {

  private static final String A = Keys.header("key of A");
  private static final String OLD_A = Keys.header("former key of A");
  private static final String B = Keys.header("key of B");
  private static final String SECRET = "a secret of thirty-two characters";
  private static final String[] CLIENTS = {
      "task.clients.a.key-sha256=" + Keys.sha256("key of A") + "," + Keys.sha256("former key of A"),
      "task.clients.b.key-sha256=" + Keys.sha256("key of B")};

  /** What comes instead of a key that is known. */
  private static final List<String[]> NO_KEYS = List.of(new String[] {}, new String[] {Keys.header("key of C")},
      new String[] {Keys.header("")}, new String[] {"Authorization: Basic a2V5IG9mIEE6"}, new String[] {"Authorization: key of A"},
      new String[] {"Authorization: Bearer"}, new String[] {"Authorization:"}, new String[] {A, B}, new String[] {A, A},
      new String[] {Keys.header(Keys.sha256("key of A"))}, new String[] {Keys.header("key of A\u00e4")});

  @RegisterExtension
  final HttpApi api;

  private final StoreKind kind;
  private final String worker = "w-" + UUID.randomUUID();

  ClientAccessTests(StoreKind kind) {
    this.kind = kind;
    this.api = HttpApi.keepingTasksIn(kind, CLIENTS);
  }

  @Test
  void nobodyGetsAnywhereUnderTaskWithoutAKey() throws IOException {
    api.queue(worker);
    String own = submit(A);
    Answer refusal = api.get("/task");
    assertThat(refusal.status()).isEqualTo(401);
    assertThat(refusal.header("WWW-Authenticate")).isEqualTo("Bearer");
    assertThat(refusal.text()).isEqualTo("a key is needed: send it as Authorization: Bearer KEY\n");

    for (String[] noKey : NO_KEYS) {
      for (String method : List.of("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "TRACE")) {
        for (String path : List.of("/task", "/task/", "/task/x", own, own + "/result", own + "/x", unknown(), unknown() + "/result")) {
          Answer answer = api.send(method, path, noKey);
          assertThat(withoutDate(answer)).as("%s %s %s", method, path, List.of(noKey))
              .isEqualTo(withoutDate(refusal));
          assertThat(answer.text()).isEqualTo(method.equals("HEAD") ? "" : refusal.text());
        }
      }
    }
    assertThat(api.get(own, A).member("state")).isEqualTo("queued");
  }

  @Test
  void whatIsNotUnderTaskNeedsNoKey() throws IOException {
    assertThat(api.get("/").status()).isEqualTo(404);
    assertThat(api.get("/taskx").status()).isEqualTo(404);
    assertThat(api.get(api.managementPort(), "/actuator/health/liveness").status()).isEqualTo(200);
  }

  @Test
  void eachKeyOfTheOwnerOpensItsTasks() throws IOException {
    for (String key : List.of(A, OLD_A, A.replace("Bearer", "bearer"), A.replace("Bearer ", "BEARER  "))) {
      api.queue(worker);
      String path = submit(A);
      assertThat(api.get(path, key).status()).isEqualTo(200);
      assertThat(api.send("HEAD", path, key).status()).isEqualTo(200);
      assertThat(api.send("PUT", path, key).status()).isEqualTo(405);
      assertThat(api.get(path + "/result", key).status()).isEqualTo(409);
      assertThat(api.send("DELETE", path, key).status()).isEqualTo(204);
      assertThat(api.get(path, key).member("state")).isEqualTo("cancelled");
    }
  }

  @Test
  void foreignTaskIsAsOneThatNeverWas() throws IOException {
    api.queue(worker);
    String path = submit(A);
    String etag = api.get(path, A).header("ETag");
    for (String method : List.of("GET", "HEAD", "DELETE", "PUT", "POST")) {
      for (String below : List.of("", "/result", "/x")) {
        for (String more : List.of("X: y", "If-Match: " + etag, "If-None-Match: " + etag, "Prefer: wait=20",
            "Accept: application/json")) {
          Answer foreign = api.send(method, path + below, B, more);
          Answer never = api.send(method, unknown() + below, B, more);
          assertThat(withoutDate(foreign)).as("%s %s %s", method, below, more).isEqualTo(withoutDate(never));
          assertThat(foreign.body()).isEqualTo(never.body());
          assertThat(foreign.status()).isIn(404, 405);
        }
      }
    }
    Answer untouched = api.get(path, A);
    assertThat(untouched.member("state")).isEqualTo("queued");
    assertThat(untouched.header("ETag")).isEqualTo(etag);
  }

  @Test
  void foreignResultIsAsOneThatNeverWas() throws IOException {
    api.durableWorker(worker, message -> message.reply("of A"));
    String path = submit(A);
    assertThat(api.get(path, A, "Prefer: wait=20").member("state")).isEqualTo("succeeded");
    assertThat(api.get(path + "/result", A).text()).isEqualTo("of A");
    assertThat(api.get(path + "/result", B).body()).isEqualTo(api.get(unknown() + "/result", B).body());
    assertThat(api.get(path, B).status()).isEqualTo(404);
  }

  @Test
  void triesOfOneClientReadNothingOfAnother() throws IOException {
    api.queue(worker);
    Set<String> ofA = new HashSet<>();
    for (int key = 0; key < 10; key++) {
      ofA.add(submit(A, "Idempotency-Key: " + key));
    }
    for (int key = 0; key < 500; key++) {
      String guess = "/task/" + base64(Keys.hash("a\n" + key));
      if (key < 10) {
        assertThat(ofA).contains(guess);
      }
      assertThat(api.get(guess, B).status()).isEqualTo(404);
    }
    assertThat(submit(B, "Idempotency-Key: 1")).isNotIn(ofA);
  }

  @Test
  void keyOfTwoClientsIsTwoTasks() throws IOException {
    api.queue(worker);
    String key = "Idempotency-Key: one-" + UUID.randomUUID();
    String ofA = submit(A, key);
    String ofB = submit(B, key);
    assertThat(ofA).isNotEqualTo(ofB).isEqualTo(submit(A, key)).isEqualTo(submit(OLD_A, key));
    assertThat(ofB).isEqualTo(submit(B, key));
  }

  @Test
  void idIsMadeWithTheSecret() throws Exception {
    String[] settings = {CLIENTS[0], CLIENTS[1], "task.durable.id-secret=" + SECRET};
    HttpApi secretive = HttpApi.keepingTasksIn(kind, settings);
    secretive.queue(worker);
    assertThat(path(secretive, A, "Idempotency-Key: 17")).isEqualTo("/task/" + base64(hmac("a\n17")));
    HttpApi nameless = HttpApi.keepingTasksIn(kind, settings[2]);
    nameless.queue(worker);
    assertThat(path(nameless, "Idempotency-Key: 17")).isEqualTo("/task/" + base64(hmac("\n17")));
  }

  @Test
  void idOfTheNamelessWithoutASecretIsTheHashOfItsKey() throws IOException {
    HttpApi nameless = HttpApi.keepingTasksIn(kind);
    nameless.queue(worker);
    String key = "key-" + UUID.randomUUID();
    assertThat(path(nameless, "Idempotency-Key: " + key)).isEqualTo("/task/" + base64(Keys.hash(key)));
  }

  @Test
  void workerLearnsTheClient() throws IOException {
    api.worker(worker, message -> message.reply("of " + message.header("Task-Client")));
    api.durableWorker(worker, message -> message.reply("durable of " + message.header("Task-Client")));
    String json = HttpApi.json(worker, "x");
    assertThat(api.post(json, A).text()).isEqualTo("of a");
    assertThat(api.post(json, B, "Task-Client: a").text()).isEqualTo("of b");
    assertThat(api.post(json, B, "Prefer: respond-async, wait=20").text()).isEqualTo("durable of b");
    HttpApi nameless = HttpApi.keepingTasksIn(kind);
    nameless.worker(worker, message -> message.reply("headers " + message.headers().containsKey("Task-Client")));
    assertThat(nameless.post(json, A, "Task-Client: a").text()).isEqualTo("headers false");
    nameless.stopWorkers();
  }

  private String submit(String... headers) throws IOException {
    return path(api, headers);
  }

  private String path(HttpApi server, String... headers) throws IOException {
    Answer answer = server.submit(worker, "x", headers);
    assertThat(answer.status()).as(answer.text()).isEqualTo(202);
    return String.valueOf(answer.header("Location"));
  }

  private static String unknown() {
    return "/task/" + "A".repeat(22);
  }

  private static Map<String, List<String>> withoutDate(Answer answer) {
    Map<String, List<String>> headers = new HashMap<>(answer.headers());
    headers.keySet().removeIf(name -> name.equalsIgnoreCase("Date"));
    headers.put("status", List.of(Integer.toString(answer.status())));
    return headers;
  }

  private static String base64(byte[] bytes) {
    return Base64.getUrlEncoder().withoutPadding().encodeToString(bytes);
  }

  private static byte[] hmac(String text) throws GeneralSecurityException {
    Mac mac = Mac.getInstance("HmacSHA256");
    mac.init(new SecretKeySpec(SECRET.getBytes(UTF_8), "HmacSHA256"));
    return mac.doFinal(text.getBytes(UTF_8));
  }
}
