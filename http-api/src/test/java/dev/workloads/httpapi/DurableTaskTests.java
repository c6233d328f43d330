package dev.workloads.httpapi;

import static org.assertj.core.api.Assertions.assertThat;

import dev.workloads.messaging.MessageRejectedException;
import dev.workloads.messaging.durable.DurableStore;
import dev.workloads.messaging.durable.StoredValue;
import dev.workloads.messaging.testing.Stopwatch;
import java.io.IOException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.UUID;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicInteger;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.json.JsonMapper;

/** The paths of a durable task: its status, its result, and how it is cancelled. */
@ParameterizedClass
@EnumSource
class DurableTaskTests {

  private static final String FINISHED = "Prefer: wait=20";
  private static final String JSON = "Accept: application/problem+json";

  @RegisterExtension
  final HttpApi api;

  private final StoreKind kind;
  private final String worker = "w-" + UUID.randomUUID();
  private final CountDownLatch begun = new CountDownLatch(1);
  private final CountDownLatch end = new CountDownLatch(1);

  DurableTaskTests(StoreKind kind) {
    this.kind = kind;
    api = HttpApi.keepingTasksIn(kind);
  }

  @Test
  void queuedTask() throws IOException {
    api.queue(worker);

    Answer answer = api.get(api.path(worker, "x"));

    assertThat(answer.status()).isEqualTo(200);
    assertThat(answer.header("Content-Type")).isEqualTo("application/json");
    assertThat(answer.header("X-Content-Type-Options")).isEqualTo("nosniff");
    assertThat(answer.header("Retry-After")).isEqualTo("1");
    assertThat(answer.header("ETag")).matches("\"\\d+\"");
    assertThat(answer.json().propertyNames())
        .containsExactly("id", "worker", "state", "attempts", "submitted", "expires");
    assertThat(answer.member("state")).isEqualTo("queued");
    assertThat(answer.member("worker")).isEqualTo(worker);
    assertThat(answer.json().path("attempts").intValue()).isZero();
    assertThat(Duration.between(time(answer, "submitted"), time(answer, "expires")))
        .isBetween(Duration.ofHours(24), Duration.ofHours(24).plusSeconds(5));
  }

  @Test
  void runningTask() throws Exception {
    blockedWorker();
    String path = api.path(worker, "x");
    begun.await();

    Answer answer = api.get(path);

    assertThat(answer.member("state")).isEqualTo("running");
    assertThat(answer.json().path("attempts").intValue()).isEqualTo(1);
    assertThat(time(answer, "started")).isAfterOrEqualTo(time(answer, "submitted"));
    assertThat(answer.header("Retry-After")).isEqualTo("1");
    assertThat(answer.json().propertyNames()).doesNotContain("finished", "error", "result");
    end.countDown();
  }

  @Test
  void succeededTask() throws IOException {
    api.durableWorker(worker, message -> message.reply("done"));
    String path = api.path(worker, "x");

    Answer answer = api.get(path, FINISHED);

    assertThat(answer.status()).isEqualTo(200);
    assertThat(answer.member("state")).isEqualTo("succeeded");
    assertThat(answer.member("result")).isEqualTo(path + "/result");
    assertThat(time(answer, "finished")).isAfterOrEqualTo(time(answer, "started"));
    assertThat(answer.header("Retry-After")).isNull();
    assertThat(answer.json().has("error")).isFalse();
  }

  @Test
  void failedTask() throws IOException {
    api.durableWorker(worker, message -> {
      throw new IllegalStateException();
    });

    Answer answer = api.get(api.path(worker, "x"), FINISHED);

    assertThat(answer.status()).isEqualTo(200);
    assertThat(answer.member("state")).isEqualTo("failed");
    assertThat(answer.json().path("attempts").intValue()).isEqualTo(2);
    assertThat(answer.json().path("error")).isEqualTo(JsonMapper.shared().readTree("""
        {"reason": "handler-failed", "detail": "handler failed"}"""));
    assertThat(answer.header("Retry-After")).isNull();
    assertThat(answer.json().has("result")).isFalse();
  }

  @Test
  void rejectedTask() throws IOException {
    api.durableWorker(worker, message -> {
      throw new MessageRejectedException(400, "not \u2603 this");
    });

    Answer answer = api.get(api.path(worker, "x"), FINISHED);

    assertThat(answer.member("state")).isEqualTo("failed");
    assertThat(answer.json().at("/error/reason").asString()).isEqualTo("handler-rejected");
    assertThat(answer.json().at("/error/detail").asString()).isEqualTo("not \u2603 this");
  }

  @Test
  void errorOfTheLastAttemptIsSeenDuringTheNext() throws Exception {
    AtomicInteger attempts = new AtomicInteger();
    api.durableWorker(worker, message -> {
      if (attempts.incrementAndGet() == 1) {
        throw new IllegalStateException();
      }
      begun.countDown();
      end.await();
      return message.reply("done");
    });
    String path = api.path(worker, "x");
    begun.await();

    Answer answer = api.get(path);

    assertThat(answer.member("state")).isEqualTo("running");
    assertThat(answer.json().at("/error/detail").asString()).isEqualTo("handler failed");
    end.countDown();
    assertThat(api.get(path, FINISHED).json().has("error")).isFalse();
  }

  @Test
  void eachTransitionIsARevisionAndMovesTheEnd() throws Exception {
    Semaphore begun = new Semaphore(0);
    Semaphore end = new Semaphore(0);
    api.queue(worker);
    String path = api.path(worker, "x");
    List<Answer> answers = new ArrayList<>();
    answers.add(api.get(path));
    awaitNextMillisecond();
    api.durableWorker(worker, message -> {
      begun.release();
      end.acquire();
      if ("1".equals(message.header("Task-Attempt"))) {
        throw new IllegalStateException();
      }
      return message.reply("done");
    });
    for (int attempt = 1; attempt <= 2; attempt++) {
      begun.acquire();
      answers.add(api.get(path));
      awaitNextMillisecond();
      end.release();
    }
    answers.add(api.get(path, FINISHED));

    assertThat(answers).extracting(answer -> answer.member("state"))
        .containsExactly("queued", "running", "running", "succeeded");
    assertThat(answers).extracting(answer -> answer.header("ETag")).doesNotHaveDuplicates();
    assertThat(answers).extracting(answer -> time(answer, "expires")).isSorted().doesNotHaveDuplicates();
    StoredValue last = api.context().getBean(DurableStore.class).read(path.substring(6), true, Duration.ofSeconds(5));
    assertThat(answers.get(3).header("ETag")).isEqualTo("\"" + Objects.requireNonNull(last).revision() + "\"");
  }

  @Test
  void cancelledTask() throws IOException {
    api.queue(worker);
    String path = api.path(worker, "x");
    Answer queued = api.get(path);
    awaitNextMillisecond();

    Answer cancelled = api.send("DELETE", path);
    assertThat(cancelled.status()).isEqualTo(204);
    assertThat(cancelled.header("X-Content-Type-Options")).isEqualTo("nosniff");
    assertThat(cancelled.headers()).doesNotContainKeys("Content-Type", "Content-Length");
    assertThat(api.send("DELETE", path).status()).isEqualTo(204);

    Answer answer = api.get(path, FINISHED);
    assertThat(answer.member("state")).isEqualTo("cancelled");
    assertThat(time(answer, "finished")).isAfterOrEqualTo(time(answer, "submitted"));
    assertThat(time(answer, "expires")).isAfter(time(queued, "expires"));
    assertThat(answer.header("Retry-After")).isNull();
    AtomicInteger runs = new AtomicInteger();
    api.durableWorker(worker, message -> message.reply("run " + runs.incrementAndGet()));
    assertThat(api.submit(worker, "x", FINISHED).text()).isEqualTo("run 1"); // it came later, and the cancelled one never
  }

  @Test
  void onlyTheRevisionThatTheClientHasSeenIsCancelled() throws Exception {
    String detail = "the task has another revision than the request is for";
    api.queue(worker);
    String path = api.path(worker, "x");
    String etag = String.valueOf(api.get(path).header("ETag"));
    for (String other : new String[] {"\"0\"", "\"0\", \"1x\"", "W/" + etag, etag.replace("\"", ""), "nonsense", ""}) {
      assertProblem(api.send("DELETE", path, JSON, "If-Match: " + other), 412, "precondition-failed", detail);
      assertProblem(api.get(path, JSON, FINISHED, "If-Match: " + other), 412, "precondition-failed", detail);
    }
    assertProblem(api.send("DELETE", path, JSON, "If-None-Match: *"), 412, "precondition-failed", detail);
    assertText(api.send("DELETE", path, "If-Match: " + etag, "If-None-Match: " + etag), 412, detail + "\n");
    assertThat(api.get(path, "If-Match: " + etag).member("state")).isEqualTo("queued");

    assertThat(api.send("DELETE", path, "If-Match: \"0\", " + etag).status()).isEqualTo(204);
    assertThat(api.send("DELETE", path, "If-Match: " + etag).status()).isEqualTo(204); // the first answer may be lost
    assertThat(api.send("DELETE", api.path(worker, "y"), "If-Match: *").status()).isEqualTo(204);
    assertThat(api.send("DELETE", "/task/" + "A".repeat(22), "If-Match: *").status()).isEqualTo(404);
  }

  @Test
  void whatIsNotQueuedIsNotCancelledWhateverItsRevision() throws Exception {
    blockedWorker();
    String path = api.path(worker, "x");
    begun.await();

    assertThat(api.send("DELETE", path, JSON, "If-Match: \"0\"").reason()).isEqualTo("already-running");
    end.countDown();
    api.get(path, FINISHED);
    assertThat(api.send("DELETE", path, JSON, "If-Match: \"0\"").reason()).isEqualTo("already-finished");
  }

  @Test
  void cachesAskForAStatusAndKeepNoError() throws IOException {
    api.queue(worker);
    String path = api.path(worker, "x");

    assertThat(api.get(path).header("Cache-Control")).isEqualTo("no-cache");
    assertThat(api.get(path, "If-None-Match: *").header("Cache-Control")).isEqualTo("no-cache");
    assertThat(api.get(path + "/result").header("Cache-Control")).isEqualTo("no-store");
    assertThat(api.get("/task/x").header("Cache-Control")).isEqualTo("no-store");
    assertThat(api.get("/x").header("Cache-Control")).isEqualTo("no-store");
    assertThat(api.get("/%zz").header("Cache-Control")).isEqualTo("no-store");
  }

  @Test
  void taskThatWaitsForItsNextAttemptIsCancelled() throws IOException {
    AtomicInteger runs = new AtomicInteger();
    api.durableWorker(worker, message -> {
      runs.incrementAndGet();
      throw new IllegalStateException();
    });
    String path = api.path(worker, "x");
    Awaitility.await().until(() -> {
      Answer status = api.get(path);
      return status.member("state").equals("queued") && status.json().has("error");
    });

    assertThat(api.send("DELETE", path).status()).isEqualTo(204);
    assertThat(api.submit(worker, "y", FINISHED).status()).isEqualTo(502); // after two runs of its own
    assertThat(runs).hasValue(3);
  }

  @Test
  void runningAndFinishedTasksAreNotCancelled() throws Exception {
    blockedWorker();
    String path = api.path(worker, "x");
    begun.await();

    assertProblem(api.send("DELETE", path, JSON), 409, "already-running", "a worker is at the task");
    assertText(api.send("DELETE", path), 409, "a worker is at the task\n");
    end.countDown();
    assertThat(api.get(path, FINISHED).member("state")).isEqualTo("succeeded");
    assertProblem(api.send("DELETE", path, JSON), 409, "already-finished", "the task is finished");
    assertText(api.send("DELETE", path), 409, "the task is finished\n");
    assertThat(api.get(path + "/result").text()).isEqualTo("done");
  }

  @Test
  void resultIsTheReplyByteForByte() throws IOException {
    api.durableWorker(worker, message -> message.reply(new byte[] {(byte) 0xFF, 0, '\n'})
        .withHeader("Content-Type", "image/png").withHeader("Secret", "x"));
    String path = api.path(worker, "x");
    api.get(path, FINISHED);

    Answer answer = api.get(path + "/result");

    assertThat(answer.status()).isEqualTo(200);
    assertThat(answer.header("Content-Type")).isEqualTo("image/png");
    assertThat(answer.body()).containsExactly(0xFF, 0, '\n');
    assertThat(answer.headers().keySet())
        .containsExactlyInAnyOrder("Content-Type", "Content-Length", "X-Content-Type-Options", "Date", "ETag", "Cache-Control");
    assertThat(api.send("HEAD", path + "/result").headers().keySet()).isEqualTo(answer.headers().keySet());
    assertThat(api.send("HEAD", path + "/result").header("Content-Length")).isEqualTo("3");
  }

  @Test
  void resultHasTheRevisionOfItsTaskByWhichACacheAsks() throws IOException {
    api.durableWorker(worker, message -> message.reply("done"));
    String path = api.path(worker, "x");
    String etag = String.valueOf(api.get(path, FINISHED).header("ETag"));

    Answer result = api.get(path + "/result", "If-None-Match: \"0\"");
    Answer known = api.get(path + "/result", "If-None-Match: " + etag);

    assertText(result, 200, "done");
    assertThat(known.status()).isEqualTo(304);
    assertThat(known.headers()).doesNotContainKey("Content-Type");
    for (Answer answer : new Answer[] {result, known}) {
      assertThat(answer.header("ETag")).isEqualTo(etag);
      assertThat(answer.header("Cache-Control")).isEqualTo("no-cache");
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "nonsense", "*/*"})
  void resultOfNoValidTypeIsText(String type) throws IOException {
    api.durableWorker(worker, message -> type.isEmpty() ? message.reply("done")
        : message.reply("done").withHeader("Content-Type", type));
    String path = api.path(worker, "x");
    api.get(path, FINISHED);

    assertText(api.get(path + "/result"), 200, "done");
  }

  @Test
  void resultThatIsEmptyIsThere() throws IOException {
    api.durableWorker(worker, message -> null);
    String path = api.path(worker, "x");
    api.get(path, FINISHED);

    assertText(api.get(path + "/result"), 200, "");
  }

  @Test
  void thereIsNoResultBeforeTheTaskIsFinished() throws Exception {
    blockedWorker();
    String path = api.path(worker, "x");

    assertProblem(api.get(path + "/result", JSON), 409, "not-finished", "the task is not finished");
    begun.await();
    assertText(api.get(path + "/result"), 409, "the task is not finished\n");
    end.countDown();
  }

  @Test
  void resultOfAFailedTaskIsTheError() throws IOException {
    api.durableWorker(worker, message -> {
      if (message.text().equals("bad")) {
        throw new MessageRejectedException(404, "not this one");
      }
      throw new IllegalStateException();
    });
    String failed = api.path(worker, "x");
    String rejected = api.path(worker, "bad");
    api.get(failed, FINISHED);
    api.get(rejected, FINISHED);

    Answer failure = api.get(failed + "/result", JSON);
    assertProblem(failure, 502, "handler-failed", "handler failed");
    assertThat(failure.member("code")).isEqualTo("500");
    Answer rejection = api.get(rejected + "/result", JSON);
    assertProblem(rejection, 502, "handler-rejected", "not this one");
    assertThat(rejection.member("code")).isEqualTo("404");
    assertText(api.get(rejected + "/result"), 502, "not this one\n");
  }

  @Test
  void cancelledTaskHasNoResult() throws IOException {
    api.queue(worker);
    String path = api.path(worker, "x");
    api.send("DELETE", path);

    assertProblem(api.get(path + "/result", JSON), 410, "cancelled", "the task was cancelled");
    assertText(api.get(path + "/result"), 410, "the task was cancelled\n");
    assertThat(api.send("HEAD", path + "/result").status()).isEqualTo(410);
  }

  @Test
  void headIsAnsweredAsGetWithoutTheBody() throws IOException {
    api.queue(worker);
    String path = api.path(worker, "x");
    try (Connection connection = api.connect()) {
      Answer head = connection.send("HEAD " + path + " HTTP/1.1\r\nHost: test\r\n\r\n").answerWithoutBody();
      Answer get = connection.send("GET " + path + " HTTP/1.1\r\nHost: test\r\n\r\n").answer(); // still in step

      assertThat(head.status()).isEqualTo(200);
      assertThat(head.headers().keySet()).isEqualTo(get.headers().keySet());
      assertThat(head.header("ETag")).isEqualTo(get.header("ETag"));
    }
  }

  @Test
  void statusThatTheClientHasIsNotSentAgain() throws IOException {
    api.queue(worker);
    String path = api.path(worker, "x");
    String etag = String.valueOf(api.get(path).header("ETag"));

    for (String known : new String[] {etag, "W/" + etag, "\"x\", " + etag, "*", "\"x\"\r\nIf-None-Match: " + etag}) {
      for (String method : new String[] {"GET", "HEAD"}) {
        Answer answer = api.send(method, path, "If-None-Match: " + known);

        assertThat(answer.status()).as(known).isEqualTo(304);
        assertThat(answer.header("ETag")).isEqualTo(etag);
        assertThat(answer.header("Retry-After")).isEqualTo("1");
        assertThat(answer.header("X-Content-Type-Options")).isEqualTo("nosniff");
        assertThat(answer.headers()).doesNotContainKey("Content-Type");
      }
    }
    for (String other : new String[] {"\"x\"", etag.replace("\"", ""), "\"", "", "nonsense, ,", "\"x\" " + "\""}) {
      assertThat(api.get(path, "If-None-Match: " + other).status()).as(other).isEqualTo(200);
    }
    api.send("DELETE", path);
    Answer changed = api.get(path, "If-None-Match: " + etag);
    assertThat(changed.status()).isEqualTo(200);
    assertThat(changed.header("ETag")).isNotEqualTo(etag);
    Answer last = api.get(path, "If-None-Match: " + changed.header("ETag"));
    assertThat(last.status()).isEqualTo(304);
    assertThat(last.header("Retry-After")).isNull();
  }

  @Test
  void whoWaitsIsToldWhenTheTaskIsFinished() throws Exception {
    blockedWorker();
    String path = api.path(worker, "x");
    begun.await();
    try (Connection waiting = api.connect()) {
      waiting.send("GET " + path + " HTTP/1.1\r\nHost: test\r\nPrefer: wait=20\r\n\r\n");
      Stopwatch watch = Stopwatch.start();
      end.countDown();

      assertThat(waiting.answer().member("state")).isEqualTo("succeeded");
      watch.assertLessThan(Duration.ofSeconds(5));
    }
  }

  @Test
  void whoWaitsIsToldWhenTheTimeIsOver() throws IOException {
    api.queue(worker);
    String path = api.path(worker, "x");
    String etag = String.valueOf(api.get(path).header("ETag"));
    Stopwatch watch = Stopwatch.start();

    assertThat(api.get(path, "Prefer: wait=1").member("state")).isEqualTo("queued");
    watch.assertBetween(Duration.ofSeconds(1), Duration.ofSeconds(4));
    assertThat(api.get(path, "Prefer: wait=1", "If-None-Match: " + etag).status()).isEqualTo(304);
    watch.assertBetween(Duration.ofSeconds(2), Duration.ofSeconds(7));
    assertThat(api.get(path, "Prefer: wait=20", "If-None-Match: \"x\"").status()).isEqualTo(200); // at once
    assertThat(api.get(path, "Prefer: wait=x").status()).isEqualTo(200); // at once
    watch.assertLessThan(Duration.ofSeconds(12));
  }

  @Test
  void whoWaitsForTheNextRevisionIsToldOfIt() throws Exception {
    blockedWorker();
    String path = api.path(worker, "x");
    begun.await();
    String etag = String.valueOf(api.get(path).header("ETag"));
    try (Connection waiting = api.connect()) {
      waiting.send("GET " + path + " HTTP/1.1\r\nHost: test\r\nPrefer: wait=20\r\nIf-None-Match: " + etag + "\r\n\r\n");
      end.countDown();

      Answer answer = waiting.answer();
      assertThat(answer.status()).isEqualTo(200);
      assertThat(answer.header("ETag")).isNotEqualTo(etag);
    }
  }

  @Test
  void whoWaitsForTheNextRevisionIsToldOfAReport() throws Exception {
    api.reportingWorker(worker, (job, progress) -> {
      begun.countDown();
      progress.report(40, "page 4 of 10");
      end.await();
      return job.reply("done");
    });
    String path = api.path(worker, "x");
    begun.await();
    String etag = String.valueOf(api.get(path).header("ETag"));

    Answer answer = api.get(path, FINISHED, "If-None-Match: " + etag);

    assertThat(answer.status()).isEqualTo(200);
    assertThat(answer.member("state")).isEqualTo("running");
    assertThat(answer.json().path("progress").toString()).isEqualTo("{\"percent\":40,\"text\":\"page 4 of 10\"}");
    assertThat(answer.header("ETag")).isNotEqualTo(etag);
    end.countDown();
    assertThat(api.get(path, FINISHED).json().propertyNames()).contains("result").doesNotContain("progress");
  }

  @Test
  void whoWaitsForTheEndIsToldOfNoReport() throws Exception {
    api.reportingWorker(worker, (job, progress) -> {
      progress.report(40, "page 4 of 10");
      end.await();
      return job.reply("done");
    });
    String path = api.path(worker, "x");

    try (Connection waiting = api.connect()) {
      waiting.send("GET " + path + " HTTP/1.1\r\nHost: test\r\nPrefer: wait=20\r\n\r\n");
      Awaitility.await().until(() -> api.get(path).json().has("progress"));
      end.countDown();

      assertThat(waiting.answer().member("state")).isEqualTo("succeeded");
    }
  }

  @Test
  void lastReportStaysInAFailedTask() throws IOException {
    api.reportingWorker(worker, (job, progress) -> {
      progress.report(90, "nearly");
      throw new MessageRejectedException("not this one");
    });

    Answer answer = api.get(api.path(worker, "x"), FINISHED);

    assertThat(answer.member("state")).isEqualTo("failed");
    assertThat(answer.json().path("progress").toString()).isEqualTo("{\"percent\":90,\"text\":\"nearly\"}");
  }

  @Test
  void nobodyWaitsForAChangeOfAFinishedTask() throws IOException {
    api.queue(worker);
    String path = api.path(worker, "x");
    api.send("DELETE", path);
    String etag = "If-None-Match: " + api.get(path).header("ETag");
    Stopwatch watch = Stopwatch.start();

    assertThat(api.get(path, FINISHED, etag).status()).isEqualTo(304);
    assertThat(api.send("HEAD", path, FINISHED, etag).status()).isEqualTo(304);
    watch.assertLessThan(Duration.ofSeconds(5));
  }

  @Test
  void waitIsCutToTheLongest() throws IOException {
    HttpApi impatient = HttpApi.keepingTasksIn(kind, "task.durable.max-wait=300ms");
    impatient.queue(worker);
    String path = impatient.path(worker, "x");
    Stopwatch watch = Stopwatch.start();

    assertThat(impatient.get(path, "Prefer: wait=1000").member("state")).isEqualTo("queued");

    watch.assertBetween(Duration.ofMillis(300), Duration.ofSeconds(3));
  }

  @Test
  void whoWaitsHoldsAPermitAndWhoFindsNoneIsAnsweredAtOnce() throws Exception {
    HttpApi narrow = HttpApi.keepingTasksIn(kind, "task.max-in-flight=1");
    narrow.echo(worker);
    narrow.queue(worker);
    String path = narrow.path(worker, "x");
    try (Connection waiting = narrow.connect()) {
      waiting.send("GET " + path + " HTTP/1.1\r\nHost: test\r\nPrefer: wait=20\r\n\r\n");
      narrow.awaitNoPlace(worker);
      Stopwatch watch = Stopwatch.start();

      assertThat(narrow.get(path, FINISHED).member("state")).isEqualTo("queued");
      assertThat(narrow.get(path).member("state")).isEqualTo("queued");
      watch.assertLessThan(Duration.ofSeconds(5));

      narrow.send("DELETE", path);
      assertThat(waiting.answer().member("state")).isEqualTo("cancelled");
    }
    assertThat(narrow.task(worker, "x").status()).isEqualTo(200);
  }

  @Test
  void unknownTaskIsNotFound() throws IOException {
    String detail = "there is no such task, or it has expired";
    for (String id : new String[] {"A".repeat(22), "_-09".repeat(16)}) {
      for (String path : new String[] {"/task/" + id, "/task/" + id + "/result"}) {
        assertProblem(api.get(path, JSON, FINISHED), 404, "unknown-task", detail);
        assertText(api.get(path), 404, detail + "\n");
        assertThat(api.send("HEAD", path).status()).isEqualTo(404);
      }
      assertProblem(api.send("DELETE", "/task/" + id, JSON), 404, "unknown-task", detail);
      assertText(api.send("DELETE", "/task/" + id), 404, detail + "\n");
    }
  }

  @Test
  void expiredTaskIsUnknown() throws IOException {
    HttpApi forgetful = HttpApi.keepingTasksIn(kind, "messaging.durable.retention=1s");
    forgetful.durableWorker(worker, message -> message.reply(message.body()));
    String key = "Idempotency-Key: " + worker;
    String path = String.valueOf(forgetful.submit(worker, "x", key).header("Location"));
    assertThat(forgetful.get(path, FINISHED).member("state")).isEqualTo("succeeded");

    Awaitility.await().until(() -> forgetful.get(path).status() == 404);
    assertThat(forgetful.get(path + "/result", JSON).reason()).isEqualTo("unknown-task");
    assertThat(forgetful.submit(worker, "y", key, FINISHED).text()).isEqualTo("y"); // its key is free again
  }

  @ParameterizedTest
  @ValueSource(strings = {"/task/", "/task/x", "/task/AAAAAAAAAAAAAAAAAAAAA", "/task/AAAAAAAAAAAAAAAAAAAAA.",
      "/task/AAAAAAAAAAAAAAAAAAAAAA/", "/task/AAAAAAAAAAAAAAAAAAAAAA/results", "/task/AAAAAAAAAAAAAAAAAAAAAA/result/",
      "/task/AAAAAAAAAAAAAAAAAAAAAA/result/x", "/task/AAAAAAAAAAAAAAAAAAAAAA.r1", "/task/AAAAAAAAAAAAAAAAAAAAAA%20",
      "/task/AAAAAAAAAAAAAAAAAAAAAA%C3%A4", "/task/AAAAAAAAAAAAAAAAAAAAAA%0A", "/task/*",
      "/Task/AAAAAAAAAAAAAAAAAAAAAA", "/tasks/AAAAAAAAAAAAAAAAAAAAAA",
      "/task/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"})
  void whatIsNoIdIsNotFoundAsAnyOtherPath(String path) throws IOException {
    for (String method : new String[] {"GET", "DELETE", "POST"}) {
      assertText(api.send(method, path, JSON), 404, "Not found\n");
    }
  }

  @Test
  void everyIdIsNotFoundWhereDurableTasksAreOff() throws IOException {
    HttpApi without = HttpApi.with();
    for (String path : new String[] {"/task/AAAAAAAAAAAAAAAAAAAAAA", "/task/AAAAAAAAAAAAAAAAAAAAAA/result"}) {
      for (String method : new String[] {"GET", "DELETE", "PUT"}) {
        assertText(without.send(method, path, JSON), 404, "Not found\n");
      }
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"POST", "PUT", "PATCH", "OPTIONS", "TRACE", "MADE-UP", "get"})
  void otherMethodsAreNotAllowed(String method) throws IOException {
    Answer answer = api.send(method, "/task/AAAAAAAAAAAAAAAAAAAAAA", JSON);
    assertProblem(answer, 405, "method-not-allowed", "a task is looked at by GET and cancelled by DELETE");
    assertThat(answer.header("Allow")).isEqualTo("GET, HEAD, DELETE");
    Answer result = api.send(method, "/task/AAAAAAAAAAAAAAAAAAAAAA/result");
    assertText(result, 405, "a result is read by GET\n");
    assertThat(result.header("Allow")).isEqualTo("GET, HEAD");
  }

  @Test
  void resultIsNotDeleted() throws IOException {
    Answer answer = api.send("DELETE", "/task/AAAAAAAAAAAAAAAAAAAAAA/result");

    assertThat(answer.status()).isEqualTo(405);
    assertThat(answer.header("Allow")).isEqualTo("GET, HEAD");
  }

  @Test
  void metricsHoldThePatternAndNoId() throws IOException {
    String id = "metrics-metrics-metrics";

    api.get("/task/" + id);
    api.get("/task/" + id + "/result");
    api.send("PUT", "/task/" + id);

    Awaitility.await().untilAsserted(() -> assertThat(api.get(api.managementPort(), "/actuator/prometheus").text())
        .contains("uri=\"/task/{id}\"", "uri=\"/task/{id}/result\"").doesNotContain(id));
  }

  /** Starts a worker that waits until the test says so. */
  private void blockedWorker() {
    api.durableWorker(worker, message -> {
      begun.countDown();
      end.await();
      return message.reply("done");
    });
  }

  private static Instant time(Answer answer, String member) {
    String time = String.valueOf(answer.member(member));
    assertThat(time).matches("\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z");
    return Instant.parse(time);
  }

  /** Waits so long that what is written next shows a later time. */
  private static void awaitNextMillisecond() {
    Instant start = Instant.now();
    Awaitility.await()
        .until(() -> Instant.now().isAfter(start.plusMillis(1)));
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
    assertThat(answer.header("X-Content-Type-Options")).isEqualTo("nosniff");
    assertThat(answer.text()).isEqualTo(text);
  }
}
