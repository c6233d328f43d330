package dev.workloads.messaging.durable;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.tuple;

import dev.workloads.messaging.BrokerException;
import dev.workloads.messaging.BrokerException.Reason;
import dev.workloads.messaging.BrokerMessage;
import dev.workloads.messaging.BrokerMessageHandler;
import dev.workloads.messaging.MessageRejectedException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Queue;
import java.util.UUID;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Predicate;
import java.util.function.UnaryOperator;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What durable tasks do, wherever they are kept. */
@Timeout(60)
public abstract class DurableTasksContractTests {

  protected static final Duration RETENTION = Duration.ofHours(1);
  private static final Duration LEASE = Duration.ofSeconds(2);
  private static final Duration TIMEOUT = Duration.ofSeconds(5);
  private static final Duration PATIENCE = Duration.ofSeconds(20);
  private static final List<Duration> BACKOFF = List.of(Duration.ofMillis(100), Duration.ofMillis(300));
  private static final AtomicInteger LAST = new AtomicInteger();

  private final String worker = "worker" + LAST.incrementAndGet();
  private final String group = "group" + LAST.get();
  private final List<JobListenerContainer> containers = new ArrayList<>();
  private final ExecutorService threads = Executors.newCachedThreadPool();
  private final Queue<JobMetrics.Outcome> outcomes = new ConcurrentLinkedQueue<>();
  private DurableStore store;
  private DurableTasks tasks;

  /** Returns the store of these tests, with room for whatever they do. */
  protected abstract DurableStore store();

  /** Has the store take the jobs of the settings. */
  protected abstract void provision(JobSettings settings);

  /** Returns the dead letters of a group. */
  protected abstract List<BrokerMessage> deadLetters(String group) throws Exception;

  @BeforeEach
  void createClient() {
    store = store();
    tasks = new DurableTasks(store, RETENTION, Duration.ofMillis(100), UnaryOperator.identity());
  }

  @AfterEach
  void stop() {
    threads.shutdownNow();
    containers.forEach(JobListenerContainer::stop);
    tasks.close();
  }

  @Test
  void taskIsAcceptedHandledAndItsResultKept() throws Exception {
    provision(settings());
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
    assertThat(done.expires()).isBetween(before.plus(RETENTION), Instant.now().plus(RETENTION).plusSeconds(1));
    assertThat(done.revision()).isNotEqualTo(queued.revision());
    TaskResult result = Objects.requireNonNull(tasks.result(done, TIMEOUT));
    assertThat(new String(result.body(), UTF_8)).isEqualTo("re: hello");
    assertThat(result.contentType()).isEqualTo("text/x-reply");
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
    TaskResult result = tasks.result(awaitFinished(submit("x").id()), TIMEOUT);
    assertThat(Objects.requireNonNull(result).body()).isEmpty();
  }

  @Test
  void nobodyTakesTheNameAndNothingIsLeft() {
    provision(settings());
    assertFails(Reason.NO_RESPONDERS, () -> tasks.submit(worker + "-other", new byte[0], null, TIMEOUT));
  }

  @Test
  void unknownTaskIsNotFound() {
    String unknown = "A".repeat(22);
    assertThat(tasks.find(unknown, TIMEOUT)).isNull();
    assertThat(tasks.cancel(unknown, TIMEOUT)).isNull();
  }

  @Test
  void sameKeyIsTheSameTask() throws Exception {
    provision(settings());
    TaskStatus first = tasks.submit(worker, "a".getBytes(UTF_8), "key of " + worker, TIMEOUT);
    assertThat(tasks.submit(worker, "a".getBytes(UTF_8), "key of " + worker, TIMEOUT)).usingRecursiveComparison()
        .ignoringFields("expires").isEqualTo(first);
    assertThat(first.id()).matches("[A-Za-z0-9_-]{43}");
    assertThatExceptionOfType(IdempotencyKeyReusedException.class).isThrownBy(
        () -> tasks.submit(worker, "b".getBytes(UTF_8), "key of " + worker, TIMEOUT));
    AtomicInteger runs = new AtomicInteger();
    start(message -> message.reply("run " + runs.incrementAndGet()));
    TaskStatus done = awaitFinished(first.id());
    assertThat(tasks.submit(worker, "a".getBytes(UTF_8), "key of " + worker, TIMEOUT)).usingRecursiveComparison()
        .ignoringFields("expires").isEqualTo(done);
    assertThat(runs).hasValue(1);
  }

  @Test
  void refusedSubmissionWithAKeySucceedsWhenItIsRepeated() throws Exception {
    String key = UUID.randomUUID().toString();
    assertFails(Reason.NO_RESPONDERS, () -> tasks.submit(worker, new byte[0], key, TIMEOUT));
    start(message -> message.reply("done"));
    assertThat(awaitFinished(tasks.submit(worker, new byte[0], key, TIMEOUT).id()).state())
        .isEqualTo(TaskState.SUCCEEDED);
  }

  @Test
  void hundredClientsWithOneKeyMakeOneTask() throws Exception {
    AtomicInteger runs = new AtomicInteger();
    start(message -> message.reply("run " + runs.incrementAndGet()));
    List<Future<TaskStatus>> submissions = new ArrayList<>();
    for (int i = 0; i < 100; i++) {
      submissions.add(threads.submit(() -> tasks.submit(worker, new byte[0], "one " + worker, TIMEOUT)));
    }
    String id = submissions.get(0).get().id();
    for (Future<TaskStatus> submission : submissions) {
      assertThat(submission.get().id()).isEqualTo(id);
    }
    awaitFinished(id);
    TaskStatus other = awaitFinished(submit("a later one").id()); // so that a second job would have been handled
    assertThat(other.state()).isEqualTo(TaskState.SUCCEEDED);
    assertThat(runs).hasValue(2);
  }

  @Test
  void failedAttemptsAreRepeatedWithPausesUntilTheyAreTooMany() throws Exception {
    List<Long> starts = Collections.synchronizedList(new ArrayList<>());
    start(message -> {
      starts.add(System.nanoTime());
      throw new IllegalStateException("as the test wants");
    });
    TaskStatus failed = awaitFinished(submit("x").id());
    assertThat(failed.state()).isEqualTo(TaskState.FAILED);
    assertThat(failed.attempts()).isEqualTo(3);
    assertThat(failed.error()).isEqualTo(new TaskError(500, "handler failed"));
    assertThat(Duration.ofNanos(starts.get(1) - starts.get(0))).isGreaterThanOrEqualTo(BACKOFF.get(0));
    assertThat(Duration.ofNanos(starts.get(2) - starts.get(1))).isGreaterThanOrEqualTo(BACKOFF.get(1));
    assertThat(deadLetters(group)).singleElement().satisfies(letter -> {
      assertThat(letter.text()).isEqualTo("x");
      assertThat(letter.header("Task-Id")).isEqualTo(failed.id());
      assertThat(letter.header("Task-Attempts")).isEqualTo("3");
      assertThat(letter.header("Dead-Letter-Reason")).isEqualTo("handler failed");
      assertThat(letter.header("Job-Subject")).isEqualTo("jobs." + worker);
    });
    assertOutcomes(JobMetrics.Outcome.RETRIED, JobMetrics.Outcome.RETRIED,
        JobMetrics.Outcome.FAILED);
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
    assertThat(deadLetters(group)).isEmpty();
  }

  @Test
  void resultThatIsTooLargeFailsTheTask() throws Exception {
    start(message -> message.reply(new byte[2 * 1024 * 1024]));
    TaskStatus failed = awaitFinished(submit("x").id());
    assertThat(failed.state()).isEqualTo(TaskState.FAILED);
    assertThat(failed.error()).isEqualTo(new TaskError(500, "reply too large"));
  }

  @Test
  void deadLetterThatIsPutBackStartsAnew() throws Exception {
    AtomicInteger attempts = new AtomicInteger();
    start(message -> {
      if (attempts.incrementAndGet() <= 3) {
        throw new IllegalStateException("as the test wants");
      }
      return message.reply("at last");
    });
    TaskStatus failed = awaitFinished(submit("x").id());
    BrokerMessage letter = deadLetters(group).get(0);
    store.append(new BrokerMessage(letter.header("Job-Subject"), letter.body(), null, letter.headers()), "put back",
        TIMEOUT);
    TaskStatus done = await(failed.id(), status -> status.state() == TaskState.SUCCEEDED);
    assertThat(done.attempts()).isEqualTo(4);
  }

  @Test
  void cancelledTaskIsNeverHandled() throws Exception {
    provision(settings());
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
    start(message -> {
      runs.incrementAndGet();
      new CountDownLatch(1).await(3 * LEASE.toMillis(), TimeUnit.MILLISECONDS);
      return message.reply("done");
    });
    TaskStatus done = awaitFinished(submit("x").id());
    assertThat(done.state()).isEqualTo(TaskState.SUCCEEDED);
    assertThat(done.attempts()).isEqualTo(1);
    assertThat(runs).hasValue(1);
  }

  @Test
  void handlerThatTakesTooLongIsInterruptedAndItsAttemptHasFailed() throws Exception {
    CountDownLatch interrupted = new CountDownLatch(1);
    AtomicInteger runs = new AtomicInteger();
    JobSettings settings = settings();
    start(new JobSettings(group, settings.subjects(), 4, LEASE, Duration.ofMillis(500), 3, BACKOFF, PATIENCE), message -> {
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
    assertThat(interrupted.await(5, TimeUnit.SECONDS)).isTrue();
    TaskStatus done = awaitFinished(id);
    assertThat(done.state()).isEqualTo(TaskState.SUCCEEDED);
    assertThat(done.attempts()).isEqualTo(2);
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
    assertThat(taken.await(5, TimeUnit.SECONDS)).isTrue();
    end.countDown();
    for (String id : ids) {
      assertThat(awaitFinished(id).attempts()).isEqualTo(1);
    }
  }

  @Test
  void stopWaitsForHandlersAndGivesBackWhatTheyDoNotFinish() throws Exception {
    JobSettings settings = settings();
    CountDownLatch begun = new CountDownLatch(1);
    JobListenerContainer stopping = start(new JobSettings(group, settings.subjects(), 4, LEASE, PATIENCE, 3, BACKOFF,
        Duration.ofMillis(200)), message -> {
          begun.countDown();
          new CountDownLatch(1).await();
          return null;
        });
    String id = submit("x").id();
    begun.await();
    stopping.stop();
    TaskStatus given = Objects.requireNonNull(tasks.find(id, TIMEOUT));
    assertThat(given.state()).isEqualTo(TaskState.QUEUED);
    assertThat(given.error()).isNull();
    start(message -> message.reply("done"));
    TaskStatus done = awaitFinished(id);
    assertThat(done.attempts()).isEqualTo(2);
    assertOutcomes(JobMetrics.Outcome.RELEASED, JobMetrics.Outcome.SUCCEEDED);
  }

  @Test
  void waitEndsWithTheTimeOrTheRevision() throws Exception {
    provision(settings());
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
    provision(settings());
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
      long woken = System.nanoTime();
      ending.set(true);
      tasks.wakeAll();
      assertThat(waiting.get().state()).isEqualTo(TaskState.QUEUED);
      waits.add(Duration.ofNanos(System.nanoTime() - woken));
    }
    assertThat(Collections.min(waits)).isLessThan(Duration.ofMillis(100));
  }

  @Test
  void jobsWithoutAnEntryAreNotRunButDeadLetters() throws Exception {
    provision(settings());
    store.append(job(worker, "expired").withHeader("Task-Id", "A".repeat(22)), "expired " + worker, TIMEOUT);
    store.append(job(worker, "nameless"), "nameless " + worker, TIMEOUT);
    BlockingQueue<String> handled = new LinkedBlockingQueue<>();
    JobListenerContainer container = start(message -> {
      handled.add(message.text());
      return message.reply("done");
    });
    awaitFinished(submit("known").id());
    Awaitility.await().until(() -> backlog(container) == 0);
    assertThat(handled).containsExactly("known");
    assertThat(deadLetters(group)).extracting(BrokerMessage::text, letter -> letter.header("Dead-Letter-Reason"))
        .containsExactlyInAnyOrder(tuple("expired", "expired"), tuple("nameless", "no Task-Id"));
  }

  @Test
  void deadLettersOfSeveralGroupsAreTold() throws Exception {
    for (String name : List.of(worker, worker + "-other")) { // the first job of each queue
      JobSettings settings = settings(name, name);
      provision(settings);
      store.append(job(name, "nameless"), "nameless " + name, TIMEOUT);
      JobListenerContainer container = start(settings, message -> message.reply("done"));
      Awaitility.await().until(() -> backlog(container) == 0);
      assertThat(deadLetters(name)).hasSize(1);
    }
  }

  @Test
  void secondJobOfOneSubmissionIsNotRun() throws Exception {
    provision(settings());
    String id = submit("x").id();
    store.append(job(worker, "x").withHeader("Task-Id", id), "again " + id, TIMEOUT);
    AtomicInteger runs = new AtomicInteger();
    JobListenerContainer container = start(message -> message.reply("run " + runs.incrementAndGet()));
    Awaitility.await().until(() -> backlog(container) == 0);
    assertThat(awaitFinished(id).attempts()).isEqualTo(1);
    assertThat(runs).hasValue(1);
  }

  @ParameterizedTest
  @ValueSource(strings = {"{", "{}"})
  void jobWhoseEntryCannotBeReadHoldsUpNoOther(String entry) throws Exception {
    provision(settings());
    String id = "broken-entry-of-a-task-" + worker;
    store.put(id, entry.getBytes(UTF_8), null, TIMEOUT);
    store.append(job(worker, "x").withHeader("Task-Id", id), id, TIMEOUT);
    JobListenerContainer container = start(message -> message.reply("done"));
    for (int i = 0; i < 5; i++) {
      assertThat(awaitFinished(submit("y").id()).state()).isEqualTo(TaskState.SUCCEEDED);
    }
    Awaitility.await().until(() -> container.inFlight() == 0);
    assertThat(backlog(container)).isEqualTo(1);
  }

  @Test
  void traceOfTheSubmissionReachesTheHandler() throws Exception {
    String trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    BlockingQueue<String> traces = new LinkedBlockingQueue<>();
    start(message -> {
      traces.add(Objects.requireNonNull(message.header("traceparent")));
      return message.reply("done");
    });
    try (DurableTasks traced = new DurableTasks(store, RETENTION, Duration.ZERO,
        next -> message -> next.handle(message.withHeader("traceparent", trace)))) {
      awaitFinished(traced.submit(worker, new byte[0], null, TIMEOUT).id());
    }
    assertThat(traces).containsExactly(trace);
  }

  private static BrokerMessage job(String worker, String payload) {
    return new BrokerMessage("jobs." + worker, payload.getBytes(UTF_8));
  }

  private static long backlog(JobListenerContainer container) {
    return Objects.requireNonNull(container.backlog(TIMEOUT)).jobs();
  }

  private JobSettings settings() {
    return settings(group, worker);
  }

  private static JobSettings settings(String group, String worker) {
    return new JobSettings(group, List.of("jobs." + worker), 4, LEASE, Duration.ofMinutes(1), 3, BACKOFF, PATIENCE);
  }

  private JobListenerContainer start(BrokerMessageHandler handler) {
    return start(settings(), handler);
  }

  private JobListenerContainer start(JobSettings settings, BrokerMessageHandler handler) {
    provision(settings);
    JobListenerContainer container = new JobListenerContainer(store, settings, Map.of(settings.subjects().get(0), handler),
        Thread::new, new JobMetrics() {
          @Override
          public void ended(Outcome outcome) {
            outcomes.add(outcome);
          }
        });
    containers.add(container);
    container.start();
    return container;
  }

  // They are counted when the state can be seen already
  private void assertOutcomes(JobMetrics.Outcome... expected) {
    Awaitility.await().untilAsserted(() -> assertThat(outcomes).containsExactly(expected));
  }

  private TaskStatus submit(String payload) {
    return tasks.submit(worker, payload.getBytes(UTF_8), null, TIMEOUT);
  }

  private TaskStatus awaitFinished(String id) throws InterruptedException {
    return await(id, status -> status.state().isFinished());
  }

  private TaskStatus await(String id, Predicate<TaskStatus> wanted) throws InterruptedException {
    TaskStatus known = Objects.requireNonNull(tasks.find(id, TIMEOUT));
    TaskStatus status = Objects.requireNonNull(tasks.await(known, wanted, PATIENCE, TIMEOUT));
    assertThat(wanted).as("%s", status).accepts(status);
    return status;
  }

  private static void assertFails(Reason reason, Runnable call) {
    assertThatExceptionOfType(BrokerException.class).isThrownBy(call::run)
        .extracting(BrokerException::reason).isEqualTo(reason);
  }
}
