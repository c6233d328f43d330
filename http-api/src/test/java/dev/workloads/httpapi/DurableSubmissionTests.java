package dev.workloads.httpapi;

import static org.assertj.core.api.Assertions.assertThat;

import dev.workloads.messaging.ErrorReply;
import dev.workloads.messaging.MessageRejectedException;
import dev.workloads.messaging.testing.Stopwatch;
import java.io.IOException;
import java.time.Duration;
import java.util.UUID;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** {@code POST /task} for a durable task, from the preference to the answer. */
@ParameterizedClass
@EnumSource
class DurableSubmissionTests {

  @RegisterExtension
  final HttpApi api;
  @RegisterExtension
  static final HttpApi without = HttpApi.with();

  private final StoreKind kind;
  private final String worker = "w-" + UUID.randomUUID();

  DurableSubmissionTests(StoreKind kind) {
    this.kind = kind;
    api = HttpApi.keepingTasksIn(kind);
  }

  @Test
  void acceptedTaskIsToldWithItsStatus() throws IOException {
    api.queue(worker);

    Answer answer = api.post(HttpApi.json(worker, "x"), "Prefer: respond-async");

    assertAccepted(answer);
    assertThat(answer.header("Content-Type")).isEqualTo("application/json");
    assertThat(answer.header("X-Content-Type-Options")).isEqualTo("nosniff");
    String id = answer.member("id");
    assertThat(id).matches("[A-Za-z0-9_-]{22}");
    assertThat(answer.header("Location")).isEqualTo("/task/" + id);
    assertThat(answer.member("state")).isEqualTo("queued");
    assertThat(api.get("/task/" + id).member("worker")).isEqualTo(worker);
  }

  @ParameterizedTest
  @ValueSource(strings = {"respond-async", "Respond-Async", "RESPOND-ASYNC ", "handling=lenient, respond-async",
      "respond-async;x;y=\"a,b;\\\"c\"", "respond-async ; x", ",, respond-async ,", "return=minimal;foo, respond-async, x",
      "respond-async, respond-async=no", "x=\"respond-async\", respond-async", "respond-async=\"\"", "respond-async=",
      "wait==1, respond-async", "respond-async, wait", "respond-async, wait=", "respond-async, wait=x",
      "respond-async, wait=-1", "respond-async, wait=1.5", "respond-async, wait=x, wait=9", "respond-async, wait=+9",
      "respond-async, wait=9 9", "respond-async, wait=\"9", "respond-async; wait=9", "respond-async, wait=\u00b2"})
  void preferenceForAnAsynchronousAnswerIsApplied(String preference) throws IOException {
    api.queue(worker);
    Stopwatch watch = Stopwatch.start();

    assertAccepted(api.post(HttpApi.json(worker, "x"), "Prefer: " + preference));

    watch.assertLessThan(Duration.ofSeconds(5)); // so no wait was read into it
  }

  @ParameterizedTest
  @ValueSource(strings = {"", ",", "wait=5", "wait=5, respond", "respond-async2", "respond_async", "respond-async=yes",
      "respond-async=no, respond-async", "x=\"respond-async", "x=\", respond-async", "x=\"a, respond-async\"",
      "x;respond-async", "respond-async x", "respond-async;;;=\"", "\"respond-async\"", "respond-async:", "x=\"\\",
      "r\u00e9spond-async"})
  void anyOtherPreferenceIsIgnored(String preference) throws IOException {
    api.echo(worker);
    api.queue(worker);

    Answer answer = api.post(HttpApi.json(worker, "synchronous"), "Prefer: " + preference);

    assertThat(answer.status()).isEqualTo(200);
    assertThat(answer.text()).isEqualTo("synchronous");
    assertThat(answer.header("Preference-Applied")).isNull();
  }

  @Test
  void preferencesMayComeInSeveralFields() throws IOException {
    api.durableWorker(worker, message -> message.reply("done"));

    Answer answer = api.post(HttpApi.json(worker, "x"), "Prefer: handling=strict", "prefer: wait=20", "PREFER: respond-async",
        "Prefer: wait=0");

    assertThat(answer.text()).isEqualTo("done");
  }

  @Test
  void longPreferencesAreReadQuickly() throws IOException {
    api.queue(worker);
    Stopwatch watch = Stopwatch.start();

    for (String part : new String[] {"\\\"", ";", ",", " ", "=", "\"", "a=\"", "a;"}) {
      api.post(HttpApi.json(worker, "x"), "Prefer: x=\"" + part.repeat(6000 / part.length()), "Prefer: respond-async");
      api.post(HttpApi.json(worker, "x"), "Prefer: x=" + part.repeat(6000 / part.length()), "Prefer: respond-async");
    }

    watch.assertLessThan(Duration.ofSeconds(5));
  }

  @Test
  void resultIsTheAnswerToAClientThatWaits() throws IOException {
    api.durableWorker(worker, message -> {
      assertThat(message.replyTo()).isNull();
      return message.reply(new byte[] {(byte) 0xFF, 0}).withHeader("Content-Type", "image/png");
    });

    Answer answer = api.submit(worker, "x", "Prefer: wait=20");

    assertThat(answer.status()).isEqualTo(200);
    assertThat(answer.body()).containsExactly(0xFF, 0);
    assertThat(answer.header("Content-Type")).isEqualTo("image/png");
    assertThat(answer.headers()).doesNotContainKeys("Location", "Preference-Applied", "Retry-After");
  }

  @Test
  void failureIsTheAnswerToAClientThatWaits() throws IOException {
    api.durableWorker(worker, message -> {
      throw new IllegalStateException(message.text());
    });

    Answer json = api.submit(worker, "secret", "Prefer: wait=20");
    Answer text = api.post(HttpApi.json(worker, "secret"), "Prefer: respond-async, wait=20");

    assertProblem(json, 502, "handler-failed", "handler failed");
    assertThat(json.member("code")).isEqualTo("500");
    assertText(text, 502, "handler failed\n");
  }

  @Test
  void rejectionIsTheAnswerToAClientThatWaits() throws IOException {
    api.durableWorker(worker, message -> {
      throw new MessageRejectedException(422, "not this one");
    });

    Answer answer = api.submit(worker, "x", "Prefer: wait=20");

    assertProblem(answer, 502, "handler-rejected", "not this one");
    assertThat(answer.member("code")).isEqualTo("422");
  }

  @Test
  void errorReplyOfAHandlerIsAFailureAsThatOfASynchronousTask() throws IOException {
    api.durableWorker(worker, message -> new ErrorReply(404, "no such thing").toMessage());

    Answer answer = api.submit(worker, "x", "Prefer: wait=20");

    assertProblem(answer, 502, "handler-rejected", "no such thing");
    assertThat(answer.member("code")).isEqualTo("404");
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1})
  void taskThatIsNotDoneInTimeIsAccepted(int wait) throws IOException {
    api.queue(worker);
    Stopwatch watch = Stopwatch.start();

    Answer answer = api.submit(worker, "x", "Prefer: wait=" + wait);

    watch.assertBetween(Duration.ofSeconds(wait), Duration.ofSeconds(wait + 3));
    assertAccepted(answer);
    assertThat(answer.member("state")).isEqualTo("queued");
  }

  @ParameterizedTest
  @ValueSource(strings = {"1000", "99999999999999999999999999", "\"1000\""})
  void waitIsCutToTheLongest(String wait) throws IOException {
    HttpApi impatient = HttpApi.keepingTasksIn(kind, "task.durable.max-wait=300ms");
    impatient.queue(worker);
    Stopwatch watch = Stopwatch.start();

    assertAccepted(impatient.submit(worker, "x", "Prefer: wait=" + wait));

    watch.assertBetween(Duration.ofMillis(300), Duration.ofSeconds(3));
  }

  @Test
  void taskThatIsCancelledWhileTheClientWaitsIsAcceptedAsCancelled() throws IOException {
    HttpApi narrow = HttpApi.keepingTasksIn(kind, "task.max-in-flight=1");
    narrow.echo(worker);
    narrow.queue(worker);
    String key = "Idempotency-Key: " + worker;
    try (Connection waiting = narrow.connect()) {
      waiting.send(HttpApi.taskRequest(HttpApi.json(worker, "x"), "Prefer: respond-async, wait=20", key));
      narrow.awaitNoPlace(worker);
      String path = String.valueOf(narrow.submit(worker, "x", key).header("Location"));
      Stopwatch watch = Stopwatch.start();

      assertThat(narrow.send("DELETE", path).status()).isEqualTo(204);

      Answer answer = waiting.answer();
      assertAccepted(answer);
      assertThat(answer.member("state")).isEqualTo("cancelled");
      watch.assertLessThan(Duration.ofSeconds(5));
    }
  }

  @Test
  void sameKeyIsTheSameTaskAndRunsOnce() throws IOException {
    AtomicInteger runs = new AtomicInteger();
    api.durableWorker(worker, message -> message.reply("run " + runs.incrementAndGet()));

    Answer first = api.submit(worker, "x", "Idempotency-Key: " + worker);
    Answer again = api.submit(worker, "x", "Idempotency-Key: \"" + worker + "\"");
    Answer waiting = api.submit(worker, "x", "Idempotency-Key: " + worker, "Prefer: wait=20");
    Answer done = api.submit(worker, "x", "Idempotency-Key: " + worker);

    assertAccepted(first);
    assertAccepted(again);
    assertThat(again.header("Location")).isEqualTo(first.header("Location"));
    assertThat(waiting.text()).isEqualTo("run 1");
    assertAccepted(done);
    assertThat(done.member("state")).isEqualTo("succeeded");
    assertThat(api.submit(worker, "x", "Idempotency-Key: " + worker, "Prefer: wait=20").text()).isEqualTo("run 1");
    assertThat(api.submit(worker, "x", "Prefer: wait=20").text()).isEqualTo("run 2"); // a later one, without the key
    assertThat(first.member("id")).matches("[A-Za-z0-9_-]{43}");
  }

  @Test
  void keyOfAnotherTaskIsRefused() throws IOException {
    api.queue(worker);
    api.queue(worker + "2");
    api.submit(worker, "x", "Idempotency-Key: " + worker);
    String detail = "the idempotency key belongs to a task with another worker or payload";

    assertProblem(api.submit(worker, "y", "Idempotency-Key: " + worker), 422, "idempotency-key-reused", detail);
    assertProblem(api.submit(worker + "2", "x", "Idempotency-Key: " + worker), 422, "idempotency-key-reused", detail);
    assertText(api.post(HttpApi.json(worker, "y"), "Idempotency-Key: " + worker, "Prefer: respond-async"), 422, detail + "\n");
  }

  @ParameterizedTest
  @CsvSource(quoteCharacter = '\'', value = {"a b,'\"a b\"'", "'a\\b','\"a\\\\b\"'", "'a\"b','\"a\\\"b\"'", "'a,b','\"a,b\"'",
      "'  spaced  ','\"spaced\"'", "~!,'\"~!\"'"})
  void bareKeyIsTheSameAsAQuotedOne(String bare, String quoted) throws IOException {
    api.queue(worker);

    Answer first = api.submit(worker, "x", "Idempotency-Key: " + bare);
    Answer again = api.submit(worker, "y", "Idempotency-Key: " + quoted);

    assertAccepted(first);
    assertThat(again.reason()).isEqualTo("idempotency-key-reused");
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "\"\"", "\"", "\"a", "\"a\"b", "\"a\", \"b\"", "\"a\\\"", "\"a\\b\"", "\"a\";p=1",
      "\u00e4", "a\tb", "\u0001"})
  void malformedKeyIsRefused(String key) throws IOException {
    api.queue(worker);

    assertThat(api.submit(worker, "x", "Idempotency-Key: " + key).status()).isEqualTo(400);
  }

  @Test
  void keyOf255CharactersIsTheLongest() throws IOException {
    api.queue(worker);
    String key = worker + "k".repeat(255 - worker.length());

    assertAccepted(api.submit(worker, "x", "Idempotency-Key: " + key));
    assertAccepted(api.submit(worker, "x", "Idempotency-Key: \"" + key + "\""));
    assertProblem(api.submit(worker, "x", "Idempotency-Key: " + key + "k"), 400, "invalid-request",
        "Idempotency-Key must be given once: 1 to 255 characters of printable ASCII");
  }

  @Test
  void keyThatIsGivenTwiceIsRefused() throws IOException {
    api.queue(worker);

    assertProblem(api.submit(worker, "x", "Idempotency-Key: a", "Idempotency-Key: a"), 400, "invalid-request",
        "Idempotency-Key must be given once: 1 to 255 characters of printable ASCII");
  }

  @Test
  void keyOfASynchronousTaskIsRefused() throws IOException {
    api.echo(worker);
    without.echo(worker);

    assertText(api.post(HttpApi.json(worker, "x"), "Idempotency-Key: a"), 400,
        "Idempotency-Key is for durable tasks: ask for one by Prefer: respond-async\n");
    assertText(without.post(HttpApi.json(worker, "x"), "Idempotency-Key: a", "Prefer: respond-async"), 400,
        "Idempotency-Key is for durable tasks, which are off\n");
  }

  @Test
  void preferenceIsIgnoredWhereDurableTasksAreOff() throws IOException {
    without.echo(worker);

    Answer answer = without.post(HttpApi.json(worker, "x"), "Prefer: respond-async, wait=5");

    assertThat(answer.status()).isEqualTo(200);
    assertThat(answer.text()).isEqualTo("x");
    assertThat(answer.header("Preference-Applied")).isNull();
  }

  @Test
  void taskThatNoDurableWorkerTakesIsRefusedAfterTheRetryWindow() throws IOException {
    api.echo(worker);
    Stopwatch watch = Stopwatch.start();

    Answer answer = api.submit(worker, "x");

    assertProblem(answer, 502, "no-responders", "no durable worker takes jobs." + worker);
    watch.assertBetween(Duration.ofMillis(150), Duration.ofSeconds(3));
    assertText(api.post(HttpApi.json(worker, "x"), "Prefer: respond-async"), 502,
        "no durable worker takes jobs." + worker + "\n");
  }

  @Test
  void taskForWhichThereIsNoRoomIsRefused() throws IOException {
    HttpApi small = HttpApi.keepingTasksIn(kind, "messaging.durable.max-bytes=20KB", "messaging.durable.max-jobs=1");
    small.queue(worker);

    Answer tooManyBytes = small.submit(worker, "x".repeat(30_000));
    assertAccepted(small.submit(worker, "x"));
    Answer tooManyJobs = small.submit(worker, "x");

    for (Answer answer : new Answer[] {tooManyBytes, tooManyJobs}) {
      assertThat(answer.status()).isEqualTo(503);
      assertThat(answer.reason()).isEqualTo("overloaded");
      assertThat(answer.detail()).startsWith("there is no room for more: ");
      assertThat(answer.header("Retry-After")).isEqualTo("1");
    }
  }

  @Test
  void taskThatIsTooLargeIsRefused() throws IOException {
    api.queue(worker);

    assertThat(api.submit(worker, "x".repeat(1_048_577)).reason()).isEqualTo("payload-too-large");
    try (Connection connection = api.connect()) {
      connection.send(HttpApi.taskHead(9_000_000, "Prefer: respond-async"));
      assertText(connection.answer(), 413, "the body is larger than 8388608 bytes\n");
    }
  }

  @Test
  void wrongRequestIsRefused() throws IOException {
    assertThat(api.post("{}", "Prefer: respond-async").text()).isEqualTo("payload is missing: it must be a string\n");
    assertThat(api.submit("a b", "x").reason()).isEqualTo("invalid-request");
  }

  @Test
  void bodyMayComeInParts() throws IOException {
    api.queue(worker);
    try (Connection connection = api.connect()) {
      connection.send("POST /task HTTP/1.1\r\nHost: test\r\nPrefer: respond-async\r\nTransfer-Encoding: chunked\r\n\r\n");
      String rest = HttpApi.json(worker, "x").substring(1);
      connection.send("1\r\n{\r\n").send(Integer.toHexString(rest.length()) + "\r\n" + rest + "\r\n0\r\n\r\n");

      assertAccepted(connection.answer());
    }
  }

  @Test
  void whoWaitsHoldsAPermitAndWithNoneFreeDoesNotWait() throws Exception {
    HttpApi narrow = HttpApi.keepingTasksIn(kind, "task.max-in-flight=1");
    CountDownLatch begun = new CountDownLatch(1);
    CountDownLatch end = new CountDownLatch(1);
    narrow.echo(worker);
    narrow.durableWorker(worker, message -> {
      begun.countDown();
      end.await();
      return message.reply("done");
    });
    try (Connection waiting = narrow.connect()) {
      waiting.send(HttpApi.taskRequest(HttpApi.json(worker, "x"), "Prefer: respond-async, wait=20", "Idempotency-Key: " + worker));
      begun.await();

      assertThat(narrow.task(worker, "x").reason()).isEqualTo("overloaded");
      assertAccepted(narrow.submit(worker, "x"));
      assertAccepted(narrow.submit(worker, "x", "Prefer: wait=20"));

      end.countDown();
      assertThat(waiting.answer().text()).isEqualTo("done");
    } finally {
      end.countDown();
    }
    assertThat(narrow.task(worker, "x").text()).isEqualTo("x");
    assertAccepted(narrow.submit(worker, "x"));
  }

  @Test
  void permitAndBytesComeBackAfterEveryOutcome() throws IOException {
    HttpApi narrow = HttpApi.keepingTasksIn(kind, "task.max-in-flight=1", "task.max-buffered=64KB",
        "messaging.request.retry-window=0");
    narrow.durableWorker(worker, message -> {
      if (message.text().startsWith("bad")) {
        throw new MessageRejectedException("bad");
      }
      return message.reply("done");
    });
    String large = "x".repeat(50_000); // of which there is room for one
    for (int i = 0; i < 3; i++) {
      assertAccepted(narrow.submit(worker, large));
      assertThat(narrow.submit(worker, large, "Prefer: wait=20").status()).isEqualTo(200);
      assertThat(narrow.submit(worker, "bad" + large, "Prefer: wait=20").reason()).isEqualTo("handler-rejected");
      assertThat(narrow.submit(worker + "2", large).reason()).isEqualTo("no-responders");
      assertThat(narrow.submit("a b", large).reason()).isEqualTo("invalid-request");
      assertThat(narrow.submit(worker, large, "Idempotency-Key: \"").reason()).isEqualTo("invalid-request");
    }
  }

  @Test
  void whoWaitsHoldsNoBytes() throws Exception {
    HttpApi narrow = HttpApi.keepingTasksIn(kind, "task.max-buffered=64KB");
    CountDownLatch begun = new CountDownLatch(1);
    CountDownLatch end = new CountDownLatch(1);
    narrow.echo(worker);
    narrow.durableWorker(worker, message -> {
      begun.countDown();
      end.await();
      return message.reply("done");
    });
    try (Connection waiting = narrow.connect()) {
      waiting.send(HttpApi.taskRequest(HttpApi.json(worker, "x".repeat(50_000)), "Prefer: respond-async, wait=20"));
      begun.await();

      // The worker may begin before the submission is answered
      Awaitility.await().until(() -> narrow.task(worker, "x".repeat(50_000)).status() == 200);

      end.countDown();
      assertThat(waiting.answer().text()).isEqualTo("done");
    } finally {
      end.countDown();
    }
  }

  private static void assertAccepted(Answer answer) {
    assertThat(answer.status()).as("%s", answer.text()).isEqualTo(202);
    assertThat(answer.header("Preference-Applied")).isEqualTo("respond-async");
    assertThat(answer.header("Retry-After")).isEqualTo("1");
    assertThat(answer.header("Location")).isEqualTo("/task/" + answer.member("id"));
  }

  private static void assertProblem(Answer answer, int status, String reason, String detail) {
    assertThat(answer.status()).isEqualTo(status);
    assertThat(answer.header("Content-Type")).isEqualTo("application/problem+json");
    assertThat(answer.reason()).isEqualTo(reason);
    assertThat(answer.detail()).isEqualTo(detail);
  }

  private static void assertText(Answer answer, int status, String text) {
    assertThat(answer.status()).isEqualTo(status);
    assertThat(answer.header("Content-Type")).isEqualTo("text/plain;charset=UTF-8");
    assertThat(answer.text()).isEqualTo(text);
  }
}
