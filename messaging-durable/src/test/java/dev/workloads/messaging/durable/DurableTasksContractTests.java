package dev.workloads.messaging.durable;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.tuple;

import dev.workloads.messaging.BrokerException;
import dev.workloads.messaging.BrokerException.Reason;
import dev.workloads.messaging.BrokerMessage;
import dev.workloads.messaging.MessageRejectedException;
import dev.workloads.messaging.testing.Stopwatch;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.UUID;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Future;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.UnaryOperator;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What durable tasks do, wherever they are kept. */
public abstract class DurableTasksContractTests extends DurableTasksFixture {

  @Test
  void taskIsAcceptedHandledAndItsResultKept() throws Exception {
    provision();
    Instant before = Instant.now();
    TaskStatus queued = submit("hello");
    assertThat(queued.state()).isEqualTo(TaskState.QUEUED);
    assertThat(queued.attempts()).isZero();
    assertThat(queued.worker()).isEqualTo(worker);
    assertThat(queued.id()).matches("[A-Za-z0-9_-]{22}");
    assertThat(queued.submitted()).isBetween(before, Instant.now());
    assertThat(queued.started()).isNull();
    BlockingQueue<BrokerMessage> handled = new LinkedBlockingQueue<>();
    start(message -> {
      handled.add(message);
      return message.reply("re: " + message.text()).withHeader("Content-Type", "text/x-reply");
    });
    TaskStatus done = awaitFinished(queued.id());
    assertThat(done.state()).isEqualTo(TaskState.SUCCEEDED);
    assertThat(done.attempts()).isEqualTo(1);
    assertThat(done.finished()).isAfterOrEqualTo(done.started());
    assertThat(done.expires()).isBetween(before.plus(TestedStore.RETENTION),
        Instant.now().plus(TestedStore.RETENTION).plusSeconds(1));
    assertThat(done.revision()).isNotEqualTo(queued.revision());
    assertThat(resultText(done)).isEqualTo("re: hello");
    assertThat(Objects.requireNonNull(tasks.result(done, TIMEOUT)).contentType()).isEqualTo("text/x-reply");
    BrokerMessage job = handled.remove();
    assertThat(job.subject()).isEqualTo("jobs." + worker);
    assertThat(job.replyTo()).isNull();
    assertThat(job.header("Task-Id")).isEqualTo(queued.id());
    assertThat(job.header("Task-Attempt")).isEqualTo("1");
    assertOutcomes(JobMetrics.Outcome.SUCCEEDED);
  }

  @Test
  void handlerThatReturnsNothingSucceedsWithAnEmptyResult() throws Exception {
    start(message -> null);
    assertThat(resultText(awaitFinished(submit("x").id()))).isEmpty();
  }

  @Test
  void resultIsKeptByteForByte() throws Exception {
    byte[] bytes = new byte[256];
    for (int i = 0; i < bytes.length; i++) {
      bytes[i] = (byte) i;
    }
    start(message -> message.reply(message.body()));
    TaskResult result = tasks.result(awaitFinished(tasks.submit(worker, bytes, null, TIMEOUT).id()), TIMEOUT);
    assertThat(Objects.requireNonNull(result).body()).isEqualTo(bytes);
    assertThat(result.contentType()).isNull();
  }

  @Test
  void nobodyTakesTheNameAndNothingIsLeft() {
    provision();
    assertFails(Reason.NO_RESPONDERS, () -> tasks.submit(worker + "-other", new byte[0], null, TIMEOUT));
    assertThat(store.done()).containsExactly("entry queued 0", "delete");
  }

  @Test
  void unknownTaskIsNotFound() {
    String unknown = "A".repeat(22);
    assertThat(tasks.find(unknown, TIMEOUT)).isNull();
    assertThat(tasks.cancel(unknown, TIMEOUT)).isNull();
  }

  @Test
  void sameKeyIsTheSameTask() throws Exception {
    provision();
    String key = "key of " + worker;
    TaskStatus first = submit("a", key);
    assertThat(submit("a", key)).usingRecursiveComparison().ignoringFields("expires", "revision").isEqualTo(first);
    assertThatExceptionOfType(IdempotencyKeyReusedException.class).isThrownBy(() -> submit("b", key));
    assertThatExceptionOfType(IdempotencyKeyReusedException.class).isThrownBy(
        () -> tasks.submit(worker + "-other", "a".getBytes(UTF_8), key, TIMEOUT));
    AtomicInteger runs = new AtomicInteger();
    start(message -> message.reply("run " + runs.incrementAndGet()));
    TaskStatus done = awaitFinished(first.id());
    assertThat(submit("a", key)).usingRecursiveComparison().ignoringFields("expires").isEqualTo(done);
    assertThat(runs).hasValue(1);
  }

  @Test
  void idOfAKeyIsItsHash() {
    provision();
    assertThat(submit("x", "a key").id()).isEqualTo("j6Oqsvqpt54KA5jaW1q9B4AUJEKlvoC5pkYI1xjLH80");
  }

  @Test
  void refusedSubmissionWithAKeyIsRefusedUntilAQueueTakesIt() throws Exception {
    String key = UUID.randomUUID().toString();
    assertFails(Reason.NO_RESPONDERS, () -> submit("x", key));
    assertFails(Reason.NO_RESPONDERS, () -> submit("x", key));
    assertThat(store.done()).containsExactly("entry queued 0", "delete", "entry queued 0", "delete");
    start(message -> message.reply("done"));
    assertThat(awaitFinished(submit("another", key).id()).state()).isEqualTo(TaskState.SUCCEEDED);
  }

  @Test
  void payloadThatIsTooLargeLeavesNothing() throws Exception {
    start(message -> message.reply(message.text()));
    String key = UUID.randomUUID().toString();
    assertFails(Reason.PAYLOAD_TOO_LARGE, () -> tasks.submit(worker, new byte[1024 * 1024], key, TIMEOUT));
    assertThat(store.steps()).isEmpty();
    assertThat(resultText(awaitFinished(submit("corrected", key).id()))).isEqualTo("corrected");
  }

  @Test
  void repeatOfATaskWhoseJobIsGoneAppendsItAgain() throws Exception {
    provision();
    String key = UUID.randomUUID().toString();
    String id = submit("x", key).id();
    submit("x", key);
    try (JobQueue queue = store.open(group, settings().subjects(), LEASE)) {
      queue.pull(1, TIMEOUT, Job::acknowledge); // as if it was emptied
    }
    submit("x", key);
    submit("x", key);
    assertThat(store.steps()).containsExactly("entry queued 0", "append jobs",
        "entry queued 0", "append jobs", "contains", "acknowledge",
        "entry queued 0", "append jobs", "contains", "append jobs",
        "entry queued 0", "append jobs", "contains", "append jobs", "contains");
    AtomicInteger runs = new AtomicInteger();
    start(message -> message.reply("run " + runs.incrementAndGet()));
    assertThat(awaitFinished(id).attempts()).isEqualTo(1);
    awaitEmptyQueue();
    assertThat(runs).hasValue(1);
  }

  @Test
  void jobOfAnotherPayloadIsNoneOfTheTask() throws Exception {
    provision();
    String key = UUID.randomUUID().toString();
    TaskStatus first = submit("x", key);
    store.delete(first.id(), first.revision(), TIMEOUT); // by hand
    assertThat(tasks.find(first.id(), TIMEOUT)).isNull();
    submit("y", key);
    start(message -> message.reply(message.text()));
    assertThat(resultText(awaitFinished(first.id()))).isEqualTo("y");
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "{", "{}", "[]", "null", "\"x\"", "\"state\":\"queued\"",
      "\"state\":\"other\",\"submitted\":\"2026-01-01T00:00:00Z\"", "\"state\":\"queued\",\"submitted\":1e18"})
  void entryThatCannotBeReadIsNoTask(String text) {
    // But for the members given it can be read
    String entry = text.startsWith("\"state") ? "{\"worker\":\"w\",\"hash\":\"h\",\"attempts\":0,\"failures\":0,\"job\":0,"
        + text + "}" : text;
    provision();
    String key = UUID.randomUUID().toString();
    String id = submit("x", key).id();
    store.put(id, entry.getBytes(UTF_8), null, TIMEOUT);
    assertThat(tasks.find(id, TIMEOUT)).isNull();
    assertThat(tasks.cancel(id, TIMEOUT)).isNull();
    assertThatExceptionOfType(IdempotencyKeyReusedException.class).isThrownBy(() -> submit("x", key))
        .withMessage("the idempotency key belongs to a task that cannot be read: take another key");
    assertThat(Objects.requireNonNull(store.read(id, true, TIMEOUT)).bytes()).asString(UTF_8).isEqualTo(entry);
  }

  @Test
  void submissionIsTriedAgainForAWhileWhereNoQueueTakesIt() throws Exception {
    try (DurableTasks patient = new DurableTasks(store, TIMEOUT, UnaryOperator.identity())) {
      Future<TaskStatus> submission = threads.submit(() -> patient.submit(worker, new byte[0], null, TIMEOUT));
      Awaitility.await().until(() -> store.done().contains("entry queued 0"));
      provision();
      assertThat(submission.get().state()).isEqualTo(TaskState.QUEUED);
    }
  }

  @Test
  void hundredClientsWithOneKeyMakeOneTask() throws Exception {
    provision();
    List<Future<TaskStatus>> submissions = new ArrayList<>();
    for (int i = 0; i < 100; i++) {
      submissions.add(threads.submit(() -> submit("x", "one " + worker)));
    }
    String id = submissions.get(0).get().id();
    for (Future<TaskStatus> submission : submissions) {
      assertThat(submission.get().id()).isEqualTo(id);
    }
    CountDownLatch end = new CountDownLatch(1);
    AtomicInteger runs = new AtomicInteger();
    start(message -> {
      end.await();
      return message.reply("run " + runs.incrementAndGet());
    });
    assertThat(backlog()).isEqualTo(1);
    end.countDown();
    awaitFinished(id);
    assertThat(runs).hasValue(1);
  }

  @Test
  void backlogOfOneGroupIsNoneOfAnother() {
    JobSettings other = settings("other-" + group, "other-" + worker);
    use(tested().limited(TestedStore.RETENTION, 1, List.of(settings(), other)));
    String first = submit("x", "first of " + worker).id();
    assertFails(Reason.OVERLOADED, () -> submit("x"));
    assertFails(Reason.OVERLOADED, () -> submit("x", "second of " + worker));
    assertFails(Reason.OVERLOADED, () -> submit("x", "second of " + worker));
    assertThat(submit("x", "first of " + worker).id()).as("it has its place").isEqualTo(first);
    tasks.submit("other-" + worker, new byte[0], null, TIMEOUT);
  }

  @Test
  void expiredTaskIsNotFoundAndItsKeyIsFree() throws Exception {
    Duration retention = Duration.ofSeconds(2);
    use(tested().limited(retention, 1000, List.of(settings())));
    BlockingQueue<String> handled = new LinkedBlockingQueue<>();
    start(settings(), message -> {
      handled.add(message.text());
      return message.reply("done");
    });
    String id = submit("a", "key of " + worker).id();
    Awaitility.await().until(() -> handled.contains("a"));
    Awaitility.await().until(() -> tasks.find(id, TIMEOUT) == null
        && store.read(TaskRegister.resultKey(id, 1), true, TIMEOUT) == null);
    assertThat(submit("b", "key of " + worker).id()).isEqualTo(id);
    Awaitility.await().untilAsserted(() -> assertThat(handled).containsExactly("a", "b"));
  }

  @Test
  void jobWhoseEntryHasExpiredIsNoneOfTheNextTaskWithItsKey() throws Exception {
    Duration retention = Duration.ofSeconds(2);
    use(tested().limited(retention, 1000, List.of(settings())));
    String id = submit("a", "key of " + worker).id();
    Awaitility.await().until(() -> tasks.find(id, TIMEOUT) == null);
    submit("b", "key of " + worker);
    BlockingQueue<String> handled = new LinkedBlockingQueue<>();
    start(settings(), message -> {
      handled.add(message.text());
      return message.reply("done");
    });
    awaitEmptyQueue();
    assertThat(handled).containsExactly("b");
    assertThat(deadLetters()).extracting(BrokerMessage::text, letter -> letter.header("Dead-Letter-Reason"))
        .containsExactly(tuple("a", "expired"));
  }

  @Test
  void failedAttemptsAreRepeatedWithPausesUntilTheyAreTooMany() throws Exception {
    List<Long> starts = Collections.synchronizedList(new ArrayList<>());
    BlockingQueue<String> attempts = new LinkedBlockingQueue<>();
    start(message -> {
      starts.add(System.nanoTime());
      attempts.add(Objects.requireNonNull(message.header("Task-Attempt")));
      throw new IllegalStateException("as the test wants");
    });
    TaskStatus failed = awaitFinished(submit("x").id());
    assertThat(failed.state()).isEqualTo(TaskState.FAILED);
    assertThat(failed.attempts()).isEqualTo(3);
    assertThat(failed.error()).isEqualTo(new TaskError(500, "handler failed"));
    assertThat(attempts).containsExactly("1", "2", "3");
    assertThat(Duration.ofNanos(starts.get(1) - starts.get(0))).isGreaterThanOrEqualTo(backoff.get(0));
    assertThat(Duration.ofNanos(starts.get(2) - starts.get(1))).isGreaterThanOrEqualTo(backoff.get(1));
    assertThat(deadLetters()).singleElement().satisfies(letter -> {
      assertThat(letter.text()).isEqualTo("x");
      assertThat(letter.header("Task-Id")).isEqualTo(failed.id());
      assertThat(letter.header("Task-Attempts")).isEqualTo("3");
      assertThat(letter.header("Dead-Letter-Reason")).isEqualTo("handler failed");
      assertThat(letter.header("Job-Subject")).isEqualTo("jobs." + worker);
    });
    assertOutcomes(JobMetrics.Outcome.RETRIED, JobMetrics.Outcome.RETRIED, JobMetrics.Outcome.FAILED);
    store.append(deadLetters().get(0), failed.id() + "-3", TIMEOUT);
    assertThat(deadLetters()).as("one with that id").hasSize(1);
  }

  @Test
  void errorOfTheLastAttemptIsSeenWhileTheTaskWaitsForTheNext() throws Exception {
    CountDownLatch second = new CountDownLatch(1);
    AtomicInteger attempts = new AtomicInteger();
    start(message -> {
      if (attempts.incrementAndGet() == 1) {
        throw new IllegalStateException("as the test wants");
      }
      second.await();
      return message.reply("done");
    });
    String id = submit("x").id();
    TaskStatus waiting = await(id, status -> status.error() != null);
    assertThat(waiting.error()).isEqualTo(new TaskError(500, "handler failed"));
    second.countDown();
    TaskStatus done = awaitFinished(id);
    assertThat(done.state()).isEqualTo(TaskState.SUCCEEDED);
    assertThat(done.attempts()).isEqualTo(2);
    assertThat(done.error()).isNull();
  }

  @Test
  void rejectedTaskHasFailedAtOnce() throws Exception {
    start(message -> {
      throw new MessageRejectedException(422, "not this one");
    });
    TaskStatus failed = awaitFinished(submit("x").id());
    assertThat(failed.state()).isEqualTo(TaskState.FAILED);
    assertThat(failed.attempts()).isEqualTo(1);
    assertThat(failed.error()).isEqualTo(new TaskError(422, "not this one"));
    assertThat(deadLetters()).isEmpty();
  }

  @Test
  void resultThatIsTooLargeFailsTheTask() throws Exception {
    start(message -> message.reply(new byte[2 * 1024 * 1024]));
    TaskStatus failed = awaitFinished(submit("x").id());
    assertThat(failed.state()).isEqualTo(TaskState.FAILED);
    assertThat(failed.error()).isEqualTo(new TaskError(500, "reply too large"));
    assertThat(record(failed.id()).failures()).isEqualTo(1);
  }

  @Test
  void resultWhoseContentTypeCannotBeSentFailsTheTask() throws Exception {
    start(message -> message.reply("x").withHeader("Content-Type", "text/\u00e9"));
    TaskStatus failed = awaitFinished(submit("x").id());
    assertThat(failed.state()).isEqualTo(TaskState.FAILED);
    assertThat(failed.error()).isEqualTo(new TaskError(500, "handler failed"));
    assertThat(failed.attempts()).isEqualTo(1);
    assertOutcomes(JobMetrics.Outcome.FAILED);
  }

  @Test
  void payloadThatLeavesADeadLetterNoRoomIsLeftOut() throws Exception {
    maxAttempts = 1;
    start(message -> {
      throw new IllegalStateException("as the test wants");
    });
    BrokerMessage headers = job(worker, "").withHeader("Task-Id", "A".repeat(22)).withHeader("Nats-Msg-Id", "A".repeat(22));
    byte[] largest = new byte[(int) (1024 * 1024 - headers.size())];
    TaskStatus failed = awaitFinished(tasks.submit(worker, largest, null, TIMEOUT).id());
    assertThat(failed.state()).isEqualTo(TaskState.FAILED);
    awaitFinished(submit("next").id());
    assertThat(deadLetters()).extracting(BrokerMessage::text, letter -> letter.header("Dead-Letter-Reason"))
        .containsExactly(tuple("", "handler failed"), tuple("next", "handler failed"));
    assertThat(deadLetters().get(0).header("Task-Id")).isEqualTo(failed.id());
    awaitEmptyQueue();
  }

  @Test
  void deadLetterThatIsPutBackStartsAnew() throws Exception {
    AtomicInteger attempts = new AtomicInteger();
    start(message -> {
      if (attempts.incrementAndGet() <= 4) {
        throw new IllegalStateException("as the test wants");
      }
      return message.reply(message.text());
    });
    TaskStatus failed = awaitFinished(submit("x").id());
    BrokerMessage letter = deadLetters().get(0);
    BrokerMessage again = new BrokerMessage(letter.header("Job-Subject"), "mended".getBytes(UTF_8), null, letter.headers());
    store.append(again.withHeader("Task-Attempts", "2"), "a former letter of " + worker, TIMEOUT);
    awaitEmptyQueue();
    assertThat(tasks.find(failed.id(), TIMEOUT)).isEqualTo(failed);
    store.append(again, "put back of " + worker, TIMEOUT);
    TaskStatus done = await(failed.id(), status -> status.state() == TaskState.SUCCEEDED);
    assertThat(done.attempts()).isEqualTo(5);
    assertThat(Objects.requireNonNull(tasks.result(done, TIMEOUT)).body()).asString(UTF_8).isEqualTo("mended");
  }

  @Test
  void cancelledTaskIsNeverHandled() throws Exception {
    provision();
    String id = submit("x").id();
    assertThat(Objects.requireNonNull(tasks.cancel(id, TIMEOUT)).state()).isEqualTo(TaskState.CANCELLED);
    assertThat(Objects.requireNonNull(tasks.cancel(id, TIMEOUT)).state()).isEqualTo(TaskState.CANCELLED);
    BlockingQueue<String> handled = new LinkedBlockingQueue<>();
    start(message -> {
      handled.add(message.text());
      return message.reply("done");
    });
    awaitFinished(submit("another").id());
    assertThat(handled).containsExactly("another");
    assertThat(Objects.requireNonNull(tasks.find(id, TIMEOUT)).attempts()).isZero();
  }

  @Test
  void taskThatWaitsForItsNextAttemptIsCancelled() throws Exception {
    AtomicInteger runs = new AtomicInteger();
    backoff = List.of(Duration.ofSeconds(2));
    start(message -> {
      runs.incrementAndGet();
      throw new IllegalStateException("as the test wants");
    });
    String id = submit("x").id();
    await(id, status -> status.error() != null);
    TaskStatus cancelled = Objects.requireNonNull(tasks.cancel(id, TIMEOUT));
    awaitEmptyQueue();
    assertThat(cancelled.state()).isEqualTo(TaskState.CANCELLED);
    assertThat(tasks.find(id, TIMEOUT)).usingRecursiveComparison().ignoringFields("expires").isEqualTo(cancelled);
    assertThat(cancelled.attempts()).isEqualTo(runs.get());
  }

  @Test
  void runningAndFinishedTasksAreNotCancelled() throws Exception {
    CountDownLatch end = new CountDownLatch(1);
    start(message -> {
      end.await();
      return message.reply("done");
    });
    String id = submit("x").id();
    await(id, status -> status.state() == TaskState.RUNNING);
    assertThat(Objects.requireNonNull(tasks.cancel(id, TIMEOUT)).state()).isEqualTo(TaskState.RUNNING);
    end.countDown();
    awaitFinished(id);
    assertThat(Objects.requireNonNull(tasks.cancel(id, TIMEOUT)).state()).isEqualTo(TaskState.SUCCEEDED);
  }

  @Test
  void taskThatIsCancelledAsItStartsIsEitherCancelledOrHandled() throws Exception {
    Map<String, Boolean> handled = new ConcurrentHashMap<>();
    start(message -> {
      handled.put(Objects.requireNonNull(message.header("Task-Id")), true);
      return message.reply("done");
    });
    int cancelled = 0;
    for (int i = 0; i < 200; i++) {
      String id = submit("x").id();
      TaskStatus status = Objects.requireNonNull(tasks.cancel(id, TIMEOUT));
      boolean isCancelled = status.state() == TaskState.CANCELLED;
      cancelled += isCancelled ? 1 : 0;
      assertThat(awaitFinished(id).state()).isEqualTo(isCancelled ? TaskState.CANCELLED : TaskState.SUCCEEDED);
      assertThat(handled.containsKey(id)).isEqualTo(!isCancelled);
    }
    System.out.println("200 tasks cancelled as they start: " + cancelled + " cancelled, the others handled");
  }

  @Test
  void handlerThatRunsForThreeLeasesIsOneAttempt() throws Exception {
    AtomicInteger runs = new AtomicInteger();
    lease = SHORT;
    start(message -> {
      runs.incrementAndGet();
      new CountDownLatch(1).await(3 * SHORT.toMillis(), TimeUnit.MILLISECONDS);
      return message.reply("done");
    });
    TaskStatus done = awaitFinished(submit("x").id());
    assertThat(done.state()).isEqualTo(TaskState.SUCCEEDED);
    assertThat(done.attempts()).isEqualTo(1);
    assertThat(runs).hasValue(1);
    assertThat(handed()).isEqualTo(1);
  }

  @Test
  void handlerThatTakesTooLongIsInterruptedAndItsAttemptHasFailed() throws Exception {
    CountDownLatch interrupted = new CountDownLatch(1);
    AtomicInteger runs = new AtomicInteger();
    maxRuntime = Duration.ofMillis(500);
    start(message -> {
      if (runs.incrementAndGet() == 1) {
        try {
          new CountDownLatch(1).await();
        } catch (InterruptedException e) {
          interrupted.countDown();
          throw e;
        }
      }
      return message.reply("done");
    });
    String id = submit("x").id();
    TaskStatus again = await(id, status -> status.error() != null);
    assertThat(Objects.requireNonNull(again.error()).text()).isEqualTo("the handler took longer than 500 ms");
    interrupted.await();
    TaskStatus done = awaitFinished(id);
    assertThat(done.state()).isEqualTo(TaskState.SUCCEEDED);
    assertThat(done.attempts()).isEqualTo(2);
  }

  @Test
  void slotOfAHandlerThatTakesTooLongIsFreeOnceItReturns() throws Exception {
    CountDownLatch end = new CountDownLatch(1);
    BlockingQueue<String> first = new LinkedBlockingQueue<>();
    maxInFlight = 1;
    maxRuntime = Duration.ofMillis(200);
    JobListenerContainer busy = start(message -> {
      first.add(message.text());
      awaitThroughInterrupts(end);
      return message.reply("too late");
    });
    String id = submit("x").id();
    await(id, status -> status.error() != null);
    String other = submit("y").id();
    maxRuntime = PATIENCE;
    start(message -> message.reply("done")); // who pulls first gets the first job
    assertThat(resultText(awaitFinished(id))).isEqualTo("done");
    assertThat(resultText(awaitFinished(other))).isEqualTo("done");
    assertThat(busy.inFlight()).isEqualTo(1);
    assertThat(first).containsExactly("x");
    end.countDown();
    containers.get(1).stop();
    assertThat(resultText(awaitFinished(submit("z").id()))).isEqualTo("too late");
  }

  private static void awaitThroughInterrupts(CountDownLatch latch) {
    while (latch.getCount() > 0) {
      try {
        latch.await();
      } catch (InterruptedException e) {
        continue;
      }
    }
  }

  @Test
  void idleWorkerIsWellAndBeginsAtOnce() throws Exception {
    JobListenerContainer idle = start(message -> message.reply("done"));
    List<Duration> waits = new ArrayList<>();
    for (int pulls = 1; pulls <= 3; pulls++) {
      int empty = pulls;
      Awaitility.await().failFast("well", () -> assertThat(idle.problem()).isNull())
          .until(() -> store.done().stream().filter("pull"::equals).count() >= empty);
      Stopwatch watch = Stopwatch.start();
      awaitFinished(submit("x").id());
      waits.add(watch.elapsedWithoutStalls());
    }
    assertThat(waits).allMatch(wait -> wait.toMillis() < 1000);
  }

  @Test
  @Tag("faults")
  @Timeout(100)
  void idleWorkerStaysWellForAMinute() {
    JobListenerContainer idle = start(message -> message.reply("done"));
    Awaitility.await().during(Duration.ofMinutes(1)).atMost(Duration.ofSeconds(70)).until(() -> idle.problem() == null);
    assertThat(store.done().stream().filter("pull"::equals)).hasSizeGreaterThan(20);
  }

  @Test
  void noMoreJobsArePulledThanThereAreSlots() throws Exception {
    CountDownLatch end = new CountDownLatch(1);
    AtomicInteger running = new AtomicInteger();
    JobListenerContainer full = start(message -> {
      running.incrementAndGet();
      end.await();
      return message.reply("done");
    });
    List<String> ids = new ArrayList<>();
    for (int i = 0; i < 5; i++) {
      ids.add(submit("x").id());
    }
    Awaitility.await().until(() -> running.get() == 4);
    assertThat(full.inFlight()).isEqualTo(4);
    // The fifth waits in the queue, where another worker finds it
    CountDownLatch taken = new CountDownLatch(1);
    start(message -> {
      taken.countDown();
      return message.reply("done");
    });
    taken.await();
    end.countDown();
    for (String id : ids) {
      assertThat(awaitFinished(id).attempts()).isEqualTo(1);
    }
  }

  @Test
  void stopGivesBackWhatHandlersDoNotFinishAndThatIsNoFailure() throws Exception {
    CountDownLatch begun = new CountDownLatch(1);
    CountDownLatch interrupted = new CountDownLatch(1);
    maxAttempts = 1;
    drainTimeout = Duration.ofMillis(200);
    JobListenerContainer stopping = start(message -> {
      begun.countDown();
      try {
        new CountDownLatch(1).await();
      } catch (InterruptedException e) {
        interrupted.countDown();
      }
      return null;
    });
    String id = submit("x").id();
    begun.await();
    stopping.stop();
    interrupted.await();
    TaskStatus given = Objects.requireNonNull(tasks.find(id, TIMEOUT));
    assertThat(given.state()).isEqualTo(TaskState.QUEUED);
    assertThat(given.error()).isNull();
    assertThat(record(id).failures()).isZero();
    start(message -> message.reply("done")); // before the lease ends
    assertThat(awaitFinished(id).attempts()).isEqualTo(2);
    assertOutcomes(JobMetrics.Outcome.RELEASED, JobMetrics.Outcome.SUCCEEDED);
  }

  @Test
  void stopPullsNoMoreAndLetsHandlersFinish() throws Exception {
    CountDownLatch begun = new CountDownLatch(1);
    CountDownLatch end = new CountDownLatch(1);
    JobListenerContainer stopping = start(message -> {
      begun.countDown();
      end.await();
      return message.reply("first");
    });
    String running = submit("x").id();
    begun.await();
    CountDownLatch stopped = new CountDownLatch(1);
    stopping.stop(stopped::countDown);
    Awaitility.await().until(() -> store.done().contains("close"));
    String next = submit("y").id();
    start(message -> message.reply("second"));
    assertThat(resultText(awaitFinished(next))).isEqualTo("second");
    assertThat(stopped.getCount()).isEqualTo(1);
    end.countDown();
    assertThat(resultText(awaitFinished(running))).isEqualTo("first");
    stopped.await();
    assertThat(record(running).attempts()).isEqualTo(1);
    assertThat(record(next).attempts()).isEqualTo(1);
  }

  @Test
  void waitEndsWithTheTimeOrTheRevision() throws Exception {
    provision();
    TaskStatus queued = submit("x");
    long start = System.nanoTime();
    TaskStatus same = tasks.await(queued, status -> status.revision() != queued.revision(), Duration.ofMillis(300),
        TIMEOUT);
    assertThat(Objects.requireNonNull(same).revision()).isEqualTo(queued.revision());
    assertThat(Duration.ofNanos(System.nanoTime() - start)).isGreaterThanOrEqualTo(Duration.ofMillis(300));
    start(message -> message.reply("done"));
    assertThat(await(queued.id(), status -> status.revision() != queued.revision()).revision())
        .isNotEqualTo(queued.revision());
  }

  @Test
  void whoWaitsIsWokenToLookAtOnce() throws Exception {
    provision();
    TaskStatus queued = submit("x");
    List<Duration> waits = new ArrayList<>();
    for (int i = 0; i < 10; i++) {
      AtomicBoolean ending = new AtomicBoolean();
      CountDownLatch looked = new CountDownLatch(2); // the next look would be 200 ms later
      Future<TaskStatus> waiting = threads.submit(() -> tasks.await(queued, status -> {
        looked.countDown();
        return ending.get();
      }, PATIENCE, TIMEOUT));
      looked.await();
      Stopwatch watch = Stopwatch.start();
      ending.set(true);
      tasks.wakeAll();
      assertThat(waiting.get().state()).isEqualTo(TaskState.QUEUED);
      waits.add(watch.elapsedWithoutStalls());
    }
    assertThat(Collections.min(waits)).isLessThan(Duration.ofMillis(100));
  }

  @Test
  void jobsWithoutAnEntryAreNotRunButDeadLetters() throws Exception {
    provision();
    store.append(job(worker, "expired").withHeader("Task-Id", "A".repeat(22)), "expired " + worker, TIMEOUT);
    store.append(job(worker, "nameless"), "nameless " + worker, TIMEOUT);
    store.append(job(worker, "no id").withHeader("Task-Id", "A".repeat(21)), "no id " + worker, TIMEOUT);
    BlockingQueue<String> handled = new LinkedBlockingQueue<>();
    start(message -> {
      handled.add(message.text());
      return message.reply("done");
    });
    awaitFinished(submit("known").id());
    awaitEmptyQueue();
    assertThat(handled).containsExactly("known");
    assertThat(deadLetters()).extracting(BrokerMessage::text, letter -> letter.header("Dead-Letter-Reason"))
        .containsExactlyInAnyOrder(tuple("expired", "expired"), tuple("nameless", "no Task-Id"),
            tuple("no id", "no Task-Id"));
  }

  @Test
  void deadLettersOfSeveralGroupsAreTold() throws Exception {
    for (String name : List.of(worker, worker + "-other")) { // the first job of each queue
      JobSettings settings = settings(name, name);
      tested().provision(settings);
      store.append(job(name, "nameless"), "nameless " + name, TIMEOUT);
      JobListenerContainer container = start(settings, message -> message.reply("done"));
      Awaitility.await().until(() -> Objects.requireNonNull(container.backlog(TIMEOUT)).jobs() == 0);
      assertThat(tested().deadLetters(name)).hasSize(1);
    }
  }

  @Test
  void taskKeepsItsClientWhichItsWorkerLearns() throws Exception {
    provision();
    NewTask task = new NewTask(worker, "x".getBytes(UTF_8), "a-client-s-task-of-" + worker, "batch-7");
    TaskStatus queued = tasks.submit(task, TIMEOUT);
    assertThat(queued.client()).isEqualTo("batch-7");
    assertThat(tasks.submit(task, TIMEOUT).id()).isEqualTo(queued.id()).isEqualTo(task.id());
    assertThatExceptionOfType(IdempotencyKeyReusedException.class).isThrownBy(() ->
        tasks.submit(new NewTask(worker, task.payload(), task.id(), "another"), TIMEOUT));
    BlockingQueue<BrokerMessage> handled = new LinkedBlockingQueue<>();
    start(message -> {
      handled.add(message);
      throw new MessageRejectedException("no");
    });
    assertThat(awaitFinished(queued.id()).client()).isEqualTo("batch-7");
    assertThat(handled.remove().header("Task-Client")).isEqualTo("batch-7");
  }

  @Test
  void taskWithoutClientHasNoneInItsJobAndItsEntry() throws Exception {
    BlockingQueue<BrokerMessage> handled = new LinkedBlockingQueue<>();
    start(message -> {
      handled.add(message);
      return message.reply("done");
    });
    TaskStatus done = awaitFinished(submit("x").id());
    assertThat(handled.remove().headers()).doesNotContainKey("Task-Client");
    assertThat(entry(done.id())).doesNotContain("client");
  }

  @Test
  void membersThatThisVersionDoesNotKnowAreKept() throws Exception {
    provision();
    TaskStatus queued = submit("x");
    String entry = entry(queued.id()).replaceFirst("}$", ",\"priority\":7,\"labels\":{\"a\":[1.5,null,\"b\"]}}");
    store.compareAndSet(queued.id(), entry.getBytes(UTF_8), queued.revision(), TIMEOUT);
    start(message -> message.reply("done"));
    assertThat(awaitFinished(queued.id()).attempts()).isEqualTo(1);
    assertThat(entry(queued.id())).contains("\"priority\":7", "\"labels\":{\"a\":[1.5,null,\"b\"]}",
        "\"state\":\"succeeded\"");
  }

  private String entry(String id) {
    return new String(Objects.requireNonNull(store.read(id, true, TIMEOUT)).bytes(), UTF_8);
  }

  @Test
  void progressIsSeenWhileTheTaskRunsAndIsGoneOnceItHasSucceeded() throws Exception {
    provision();
    CountDownLatch end = new CountDownLatch(1);
    startReporting(settings(), (job, progress) -> {
      progress.report(40, "page 4 of 10");
      end.await();
      return job.reply("done");
    });
    TaskStatus running = await(submit("x").id(), status -> status.progress() != null);
    assertThat(running.progress()).isEqualTo(new Progress(40, "page 4 of 10"));
    assertThat(running.state()).isEqualTo(TaskState.RUNNING);
    end.countDown();
    TaskStatus done = awaitFinished(running.id());
    assertThat(done.state()).isEqualTo(TaskState.SUCCEEDED);
    assertThat(done.progress()).isNull();
    assertOutcomes(JobMetrics.Outcome.SUCCEEDED);
  }

  @Test
  void reportIsAChangeForThoseWhoWaitForOne() throws Exception {
    provision();
    CountDownLatch seen = new CountDownLatch(1);
    CountDownLatch end = new CountDownLatch(1);
    startReporting(settings(), (job, progress) -> {
      seen.await();
      progress.report(40, "page 4 of 10");
      end.await();
      return null;
    });
    TaskStatus running = await(submit("x").id(), status -> status.state() == TaskState.RUNNING);
    seen.countDown();
    TaskStatus changed = await(running.id(), status -> status.revision() != running.revision());
    assertThat(changed.progress()).isEqualTo(new Progress(40, "page 4 of 10"));
    end.countDown();
  }

  @Test
  void thousandReportsInARowAreTwoWritesAtMostAndTheLastOneCounts() throws Exception {
    provision();
    CountDownLatch end = new CountDownLatch(1);
    startReporting(settings(), (job, progress) -> {
      for (int i = 1; i <= 1000; i++) {
        progress.report(i / 10, "step " + i);
      }
      end.await();
      return null;
    });
    String id = submit("x").id();
    await(id, status -> new Progress(100, "step 1000").equals(status.progress()));
    end.countDown();
    awaitFinished(id);
    assertThat(store.done().stream().filter("entry running 1"::equals)).hasSizeLessThanOrEqualTo(1 + 2);
  }

  @Test
  void reportsWithoutEndAreWrittenOnceASecond() throws Exception {
    provision();
    List<Long> writes = Collections.synchronizedList(new ArrayList<>());
    CountDownLatch third = new CountDownLatch(1 + 3); // after the start
    store.before(operation -> {
      if (operation.equals("entry running 1")) {
        writes.add(System.nanoTime());
        third.countDown();
      }
    });
    startReporting(settings(), (job, progress) -> {
      for (int i = 0; !third.await(1, TimeUnit.MILLISECONDS); i++) {
        progress.report(i % 101, "step " + i);
      }
      return null;
    });
    awaitFinished(submit("x").id());
    assertThat(Duration.ofNanos(writes.get(3) - writes.get(1))).isGreaterThan(Duration.ofMillis(1500));
  }

  @Test
  void lastReportStaysInAFailedTaskAndNeedsNoWriteOfItsOwn() throws Exception {
    maxAttempts = 1;
    provision();
    AtomicInteger starts = new AtomicInteger();
    store.before(operation -> {
      if (operation.equals("entry running 1") && starts.incrementAndGet() > 1) {
        throw new BrokerException(Reason.BROKER_UNAVAILABLE, "as the test wants");
      }
    });
    startReporting(settings(), (job, progress) -> {
      progress.report(90, "nearly");
      throw new IllegalStateException("as the test wants");
    });
    TaskStatus failed = awaitFinished(submit("x").id());
    assertThat(failed.state()).isEqualTo(TaskState.FAILED);
    assertThat(failed.progress()).isEqualTo(new Progress(90, "nearly"));
  }

  @Test
  void progressOfAFailedAttemptIsSeenUntilTheNextOneBeginsWithout() throws Exception {
    provision();
    CountDownLatch second = new CountDownLatch(1);
    backoff = List.of(SHORT);
    startReporting(settings(), (job, progress) -> {
      if ("1".equals(job.header("Task-Attempt"))) {
        progress.report(50, "half");
        throw new IllegalStateException("as the test wants");
      }
      second.await();
      return job.reply("done");
    });
    TaskStatus waiting = await(submit("x").id(), status -> status.error() != null);
    assertThat(waiting.state()).isEqualTo(TaskState.QUEUED);
    assertThat(waiting.progress()).isEqualTo(new Progress(50, "half"));
    assertThat(await(waiting.id(), status -> status.attempts() == 2).progress()).isNull();
    second.countDown();
    assertThat(awaitFinished(waiting.id()).state()).isEqualTo(TaskState.SUCCEEDED);
  }

  @Test
  void progressOfAnAttemptThatTookTooLongStays() throws Exception {
    maxAttempts = 1;
    maxRuntime = SHORT;
    provision();
    startReporting(settings(), (job, progress) -> {
      progress.report(10, "slow");
      new CountDownLatch(1).await();
      return null;
    });
    assertThat(awaitFinished(submit("x").id()).progress()).isEqualTo(new Progress(10, "slow"));
  }

  @Test
  void reportOutOfBoundsIsRefusedAndItsAttemptFails() throws Exception {
    provision();
    BlockingQueue<String> refusals = new LinkedBlockingQueue<>();
    maxAttempts = 1;
    startReporting(settings(), (job, progress) -> {
      progress.report(0, "");
      progress.report(100, "\u2126".repeat(200));
      for (Runnable report : List.<Runnable>of(() -> progress.report(-1, "x"), () -> progress.report(50, "x".repeat(201)))) {
        try {
          report.run();
        } catch (IllegalArgumentException e) {
          refusals.add(e.getMessage());
        }
      }
      progress.report(101, "x");
      return null;
    });
    TaskStatus failed = awaitFinished(submit("x").id());
    assertThat(failed.error()).isEqualTo(new TaskError(500, "handler failed"));
    assertThat(failed.progress()).isEqualTo(new Progress(100, "\u2126".repeat(200)));
    assertThat(refusals).containsExactly("the percent of a progress must be from 0 to 100, and not -1",
        "the text of a progress must have at most 200 characters");
  }

  @ParameterizedTest
  @ValueSource(strings = {"\"40 %\"", "40", "null", "[]", "{}", "{\"percent\":\"40\",\"text\":\"x\"}",
      "{\"percent\":400,\"text\":\"x\"}", "{\"percent\":4.5,\"text\":\"x\"}", "{\"percent\":1e99,\"text\":\"x\"}"})
  void progressThatCannotBeReadIsNoneAndItsTaskIsDone(String progress) throws Exception {
    provision();
    TaskStatus queued = submit("x");
    store.put(queued.id(), entry(queued.id()).replaceFirst("}$", ",\"progress\":" + progress + "}").getBytes(UTF_8), null,
        TIMEOUT);
    assertThat(Objects.requireNonNull(tasks.find(queued.id(), TIMEOUT)).progress()).isNull();
    start(settings(), message -> message.reply("done"));
    assertThat(awaitFinished(queued.id()).state()).isEqualTo(TaskState.SUCCEEDED);
  }

  @Test
  void progressOfAForeignWorkerIsSanitised() {
    provision();
    TaskStatus queued = submit("x");
    store.put(queued.id(), entry(queued.id()).replaceFirst("}$",
        ",\"progress\":{\"percent\":7,\"text\":\" two\\\\nlines \\\\u202e \",\"more\":1}}").getBytes(UTF_8), null, TIMEOUT);
    assertThat(Objects.requireNonNull(tasks.find(queued.id(), TIMEOUT)).progress()).isEqualTo(new Progress(7, "two lines ?"));
  }

  @Test
  void secondJobOfOneSubmissionIsNotRun() throws Exception {
    lease = SHORT; // if it comes as the first one starts, it is left alone until it comes again
    provision();
    String id = submit("x").id();
    store.append(job(worker, "x").withHeader("Task-Id", id), "again " + id, TIMEOUT);
    AtomicInteger runs = new AtomicInteger();
    start(message -> message.reply("run " + runs.incrementAndGet()));
    awaitEmptyQueue();
    assertThat(awaitFinished(id).attempts()).isEqualTo(1);
    assertThat(runs).hasValue(1);
  }

  @ParameterizedTest
  @ValueSource(strings = {"{", "{}", "[]", "null", "1"})
  void jobWhoseEntryCannotBeReadIsADeadLetter(String entry) throws Exception {
    provision();
    String id = "broken-entry-of-a-task-" + worker;
    store.put(id, entry.getBytes(UTF_8), null, TIMEOUT);
    store.append(job(worker, "x").withHeader("Task-Id", id), id, TIMEOUT);
    start(message -> message.reply("done"));
    assertThat(awaitFinished(submit("y").id()).state()).isEqualTo(TaskState.SUCCEEDED);
    awaitEmptyQueue();
    assertThat(deadLetters()).extracting(BrokerMessage::text, letter -> letter.header("Dead-Letter-Reason"),
        letter -> letter.header("Task-Id")).containsExactly(tuple("x", "entry unreadable", id));
    assertThat(store.done()).doesNotContain("entry running 2").contains("terminate");
  }

  @Test
  void jobThatNoHandlerTakesIsGivenBackAndNothingIsCounted() throws Exception {
    String older = worker + "-older";
    JobSettings both = new JobSettings(group, List.of("jobs." + worker, "jobs." + older), maxInFlight, lease, maxRuntime,
        maxAttempts, backoff, drainTimeout);
    tested().provision(both);
    String id = submit("x").id();
    start(settings(group, older), message -> message.reply("not this one")); // has no handler for the other subject
    Awaitility.await().until(() -> store.done().contains("giveBack PT30S"));
    TaskRecord waiting = record(id);
    assertThat(waiting.isNew()).isTrue();
    assertThat(waiting.failures()).isZero();
    assertThat(store.steps()).containsExactly("entry queued 0", "append jobs", "giveBack PT30S");
    assertThat(outcomes).isEmpty();
  }

  @Test
  void jobThatNoHandlerTakesIsADeadLetterInTheEnd() throws Exception {
    String older = worker + "-older";
    tested().provision(new JobSettings(group, List.of("jobs." + worker, "jobs." + older), maxInFlight, lease, maxRuntime,
        maxAttempts, backoff, drainTimeout));
    store.hurry();
    String id = submit("x").id();
    start(settings(group, older), message -> message.reply("not this one"));
    TaskStatus failed = awaitFinished(id);
    awaitEmptyQueue();
    assertThat(failed.attempts()).isZero();
    assertThat(failed.error()).isEqualTo(new TaskError(500, "no handler"));
    assertThat(record(id).failures()).isZero();
    assertThat(store.done().stream().filter("giveBack PT30S"::equals)).hasSize(19);
    assertThat(deadLetters()).extracting(BrokerMessage::text, letter -> letter.header("Dead-Letter-Reason"))
        .containsExactly(tuple("x", "no handler"));
    assertOutcomes(JobMetrics.Outcome.FAILED);
    // Put back, a worker that has the handler does it
    BrokerMessage letter = deadLetters().get(0);
    start(message -> message.reply("done"));
    containers.get(0).stop();
    store.append(new BrokerMessage("jobs." + worker, letter.body(), null, letter.headers()), "put back " + id, TIMEOUT);
    assertThat(await(id, status -> status.state() == TaskState.SUCCEEDED).attempts()).isEqualTo(1);
  }

  @Test
  void leaseIsRenewedInTimeWhereTheQueuesIsShorterThanTheSettings() throws Exception {
    lease = Duration.ofSeconds(12);
    provision();
    store.keepQueueLease(lease);
    lease = Duration.ofMinutes(2);
    start(settings(), message -> {
      new CountDownLatch(1).await(13, TimeUnit.SECONDS);
      return message.reply("done");
    });
    assertThat(awaitFinished(submit("x").id()).attempts()).isEqualTo(1);
    assertThat(handed()).isEqualTo(1);
  }

  @Test
  void traceOfTheSubmissionReachesTheHandler() throws Exception {
    String trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    BlockingQueue<String> traces = new LinkedBlockingQueue<>();
    start(message -> {
      traces.add(Objects.requireNonNull(message.header("traceparent")));
      return message.reply("done");
    });
    try (DurableTasks traced = new DurableTasks(store, Duration.ZERO,
        next -> message -> next.handle(message.withHeader("traceparent", trace)))) {
      awaitFinished(traced.submit(worker, new byte[0], null, TIMEOUT).id());
    }
    assertThat(traces).containsExactly(trace);
  }
}
