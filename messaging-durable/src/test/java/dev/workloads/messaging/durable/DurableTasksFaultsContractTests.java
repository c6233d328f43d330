package dev.workloads.messaging.durable;

import static org.assertj.core.api.Assertions.assertThat;

import dev.workloads.messaging.BrokerException;
import dev.workloads.messaging.BrokerException.Reason;
import dev.workloads.messaging.BrokerMessage;
import dev.workloads.messaging.MessageRejectedException;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Objects;
import java.util.UUID;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Future;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** What durable tasks do, wherever they are kept, where answers are lost, writes refused, leases over, or others quicker. */
public abstract class DurableTasksFaultsContractTests extends DurableTasksFixture {

  private static final List<String> ENDS_OF_JOBS = List.of("acknowledge", "terminate", "giveBack");

  private final AtomicInteger runs = new AtomicInteger();
  private final CountDownLatch end = new CountDownLatch(1);

  @Test
  void timeoutIsThatOfAllSteps() {
    provision();
    Duration timeout = Duration.ofMillis(200);
    store.after(operation -> letPass(timeout));
    assertFails(Reason.TIMEOUT, () -> tasks.submit(worker, new byte[0], null, timeout));
    assertThat(store.done()).containsExactly("entry queued 0");
  }

  private static void letPass(Duration time) {
    try {
      new CountDownLatch(1).await(time.toMillis(), TimeUnit.MILLISECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"entry queued 0", "append jobs"})
  void submissionWhoseAnswerIsLostIsDoneOnceItIsRepeated(String operation) throws Exception {
    provision();
    String key = UUID.randomUUID().toString();
    store.after(ObservedStore.once(operation, Reason.TIMEOUT));
    assertFails(Reason.TIMEOUT, () -> submit("x", key));
    String id = submit("x", key).id();
    start(message -> message.reply("run " + runs.incrementAndGet()));
    assertThat(awaitFinished(id).attempts()).isEqualTo(1);
    awaitEmptyQueue();
    assertThat(handed()).as("jobs").isEqualTo(1);
    assertThat(runs).hasValue(1);
  }

  @Test
  void refusedSubmissionDoesNotTakeAwayWhatARepeatHasSubmitted() throws Exception {
    String key = UUID.randomUUID().toString();
    AtomicInteger deletions = new AtomicInteger();
    List<TaskStatus> repeated = new ArrayList<>();
    store.before(operation -> {
      if (operation.equals("delete") && deletions.incrementAndGet() == 1) {
        provision(); // its queue is there too late
        repeated.add(submit("x", key));
      }
    });
    assertFails(Reason.NO_RESPONDERS, () -> submit("x", key));
    start(message -> message.reply("done"));
    assertThat(awaitFinished(repeated.get(0).id()).state()).isEqualTo(TaskState.SUCCEEDED);
    assertThat(store.steps()).doesNotContain("delete").containsOnlyOnce("append jobs");
  }

  @Test
  void repeatThatIsRefusedLeavesTheEntryOfTheFirst() {
    String key = UUID.randomUUID().toString();
    store.before(ObservedStore.once("append jobs", Reason.TIMEOUT));
    assertFails(Reason.TIMEOUT, () -> submit("x", key));
    assertFails(Reason.NO_RESPONDERS, () -> submit("x", key));
    assertThat(store.done()).containsExactly("entry queued 0", "entry queued 0");
  }

  @Test
  void repeatWhoseJobCannotBeLookedForIsOfUnknownOutcome() throws Exception {
    provision();
    String key = UUID.randomUUID().toString();
    String id = submit("x", key).id();
    store.before(ObservedStore.once("contains", Reason.BROKER_UNAVAILABLE));
    assertFails(Reason.TIMEOUT, () -> submit("x", key));
    assertThat(submit("x", key).id()).isEqualTo(id);
    start(message -> message.reply("run " + runs.incrementAndGet()));
    awaitFinished(id);
    awaitEmptyQueue();
    assertThat(runs).hasValue(1);
  }

  @Test
  void attemptThatARepeatComesInBetweenBeginsSoon() throws Exception {
    provision();
    String key = UUID.randomUUID().toString();
    String id = submit("x", key).id();
    AtomicInteger repeats = new AtomicInteger();
    store.before(operation -> {
      if (operation.equals("entry running 1") && repeats.incrementAndGet() == 1) {
        submit("x", key);
      }
    });
    start(message -> message.reply("run " + runs.incrementAndGet()));
    assertThat(awaitFinished(id).attempts()).isEqualTo(1); // long before the lease ends
    assertThat(handed()).isEqualTo(1);
  }

  @Test
  void submissionWithoutAKeyWhoseAnswerIsLostIsDone() throws Exception {
    provision();
    store.after(ObservedStore.once("append jobs", Reason.TIMEOUT));
    assertFails(Reason.TIMEOUT, () -> submit("x"));
    assertThat(store.done()).as("the entry stays").containsExactly("entry queued 0", "append jobs");
    BlockingQueue<String> ids = new LinkedBlockingQueue<>();
    start(message -> {
      ids.add(Objects.requireNonNull(message.header("Task-Id")));
      return message.reply("done");
    });
    assertThat(awaitFinished(ids.take()).state()).isEqualTo(TaskState.SUCCEEDED);
  }

  @Test
  void recordsWhoseAnswersAreLostAreReadBack() throws Exception {
    provision();
    String id = submit("x").id();
    store.after(ObservedStore.once("entry running 1", Reason.TIMEOUT)
        .andThen(ObservedStore.once("result", Reason.TIMEOUT))
        .andThen(ObservedStore.once("entry succeeded 1", Reason.TIMEOUT)));
    start(message -> message.reply("run " + runs.incrementAndGet()));
    assertThat(resultText(awaitFinished(id))).isEqualTo("run 1");
    awaitEmptyQueue();
    assertThat(record(id).attempts()).isEqualTo(1);
    assertThat(record(id).failures()).isZero();
    assertOutcomes(JobMetrics.Outcome.SUCCEEDED);
    assertThat(store.steps()).containsExactly("entry queued 0", "append jobs", "entry running 1", "result", "result",
        "entry succeeded 1", "acknowledge");
  }

  @Test
  void failureIsRecordedBeforeItsJobIsGivenBackOrGivenUp() throws Exception {
    maxAttempts = 2;
    provision();
    String id = submit("x").id();
    // The same letter twice
    store.after(ObservedStore.once("append jobs-dead", Reason.TIMEOUT)
        .andThen(ObservedStore.once("entry failed 2", Reason.TIMEOUT)));
    start(message -> {
      throw new IllegalStateException("as the test wants");
    });
    awaitFinished(id);
    awaitEmptyQueue();
    assertThat(deadLetters()).hasSize(1);
    assertThat(record(id).failures()).isEqualTo(2);
    assertOutcomes(JobMetrics.Outcome.RETRIED, JobMetrics.Outcome.FAILED);
    assertThat(store.steps()).containsExactly("entry queued 0", "append jobs", "entry running 1", "entry queued 1",
        "giveBack PT0.1S", "entry running 2", "append jobs-dead", "append jobs-dead", "entry failed 2", "terminate");
  }

  @Test
  void rejectionIsRecordedBeforeItsJobIsAcknowledged() throws Exception {
    provision();
    String id = submit("x").id();
    start(message -> {
      throw new MessageRejectedException("as the test wants");
    });
    awaitFinished(id);
    awaitEmptyQueue();
    assertThat(store.steps()).containsExactly("entry queued 0", "append jobs", "entry running 1", "entry failed 1",
        "acknowledge");
  }

  @Test
  void taskHasNotFailedBeforeItsDeadLetterIsKept() throws Exception {
    maxAttempts = 1;
    AtomicInteger refused = new AtomicInteger();
    refuse("append jobs-dead", refused);
    start(message -> {
      throw new IllegalStateException("as the test wants");
    });
    String id = submit("x").id();
    Awaitility.await().until(() -> refused.get() >= 2);
    assertThat(record(id).state()).isEqualTo(TaskState.RUNNING);
    assertThat(deadLetters()).isEmpty();
    end.countDown();
    assertThat(awaitFinished(id).state()).isEqualTo(TaskState.FAILED);
    assertThat(deadLetters()).hasSize(1);
  }

  private void refuse(String operation, AtomicInteger refused) {
    store.before(each -> {
      if (each.equals(operation) && end.getCount() > 0) {
        refused.incrementAndGet();
        throw new BrokerException(Reason.BROKER_UNAVAILABLE, "as the test wants");
      }
    });
  }

  @ParameterizedTest
  @ValueSource(strings = {"entry running 1", "result", "entry succeeded 1"})
  void nothingNewIsBegunWhileARecordCannotBeWritten(String operation) throws Exception {
    AtomicInteger refused = new AtomicInteger();
    refuse(operation, refused);
    start(message -> message.reply("run " + runs.incrementAndGet()));
    String id = submit("x").id();
    Awaitility.await().until(() -> refused.get() >= 1 && store.done().contains("pull")); // the one that was under way
    long handed = handed();
    int seen = refused.get();
    String next = submit("y").id();
    Awaitility.await().until(() -> refused.get() >= seen + 2);
    assertThat(handed()).isEqualTo(handed);
    assertThat(record(next).attempts()).isZero();
    end.countDown();
    for (String each : List.of(id, next)) {
      assertThat(awaitFinished(each).state()).isEqualTo(TaskState.SUCCEEDED);
      assertThat(record(each).attempts()).isEqualTo(1);
      assertThat(record(each).failures()).isZero();
    }
    assertThat(runs).hasValue(2);
  }

  @Test
  void resultThatCannotBeRecordedInTimeIsDroppedAndItsTaskTriedAgain() throws Exception {
    maxRuntime = SHORT;
    provisionWithShortLease();
    refuse("entry succeeded 1", new AtomicInteger());
    start(settings(), message -> message.reply("run " + runs.incrementAndGet()));
    String id = submit("x").id();
    assertThat(resultText(awaitFinished(id))).isEqualTo("run 2");
    assertThat(record(id).attempts()).isEqualTo(2);
    assertThat(record(id).failures()).isEqualTo(1);
  }

  @ParameterizedTest
  @CsvSource({"done,3", "reject,3", "fail,3", "fail,1"})
  void whoLosesAnEndLeavesTheJobAlone(String handler, int attempts) throws Exception {
    maxAttempts = attempts;
    JobListenerContainer late = start(message -> {
      end.await();
      return switch (handler) {
        case "reject" -> throw new MessageRejectedException("as the test wants");
        case "fail" -> throw new IllegalStateException("as the test wants");
        default -> message.reply("too late");
      };
    });
    String id = submit("x").id();
    await(id, status -> status.state() == TaskState.RUNNING);
    TaskRecord others = startedByAnother(id);
    end.countDown();
    assertOutcomes(JobMetrics.Outcome.SUPERSEDED);
    late.stop();
    assertThat(store.done()).noneMatch(operation -> ENDS_OF_JOBS.contains(operation.split(" ")[0]));
    assertThat(record(id)).isEqualTo(others);
  }

  @Test
  void whoLosesAnEndAtItsStopLeavesTheJobAlone() throws Exception {
    drainTimeout = Duration.ofMillis(100);
    JobListenerContainer stopping = start(message -> {
      end.await();
      return null;
    });
    String id = submit("x").id();
    await(id, status -> status.state() == TaskState.RUNNING);
    TaskRecord others = startedByAnother(id);
    stopping.stop();
    assertOutcomes(JobMetrics.Outcome.SUPERSEDED);
    assertThat(store.done()).noneMatch(operation -> ENDS_OF_JOBS.contains(operation.split(" ")[0]));
    assertThat(record(id)).isEqualTo(others);
  }

  @Test
  void whoLosesAStartToAnotherLeavesTheJobAlone() throws Exception {
    provision();
    String id = submit("x").id();
    List<TaskRecord> others = Collections.synchronizedList(new ArrayList<>());
    store.before(operation -> {
      if (operation.equals("entry running 1") && others.isEmpty()) {
        others.add(null);
        others.set(0, startedByAnother(id));
      }
    });
    JobListenerContainer late = start(message -> message.reply("run " + runs.incrementAndGet()));
    assertOutcomes(JobMetrics.Outcome.SUPERSEDED);
    late.stop();
    assertThat(store.done()).noneMatch(operation -> ENDS_OF_JOBS.contains(operation.split(" ")[0]));
    assertThat(record(id)).isEqualTo(others.get(0));
    assertThat(runs).hasValue(0);
  }

  @Test
  void whoLosesAStartToACancellationEndsTheJob() throws Exception {
    provision();
    String id = submit("x").id();
    store.before(operation -> {
      if (operation.equals("entry running 1")) {
        tasks.cancel(id, TIMEOUT);
      }
    });
    start(message -> message.reply("run " + runs.incrementAndGet()));
    awaitEmptyQueue();
    assertThat(store.steps()).containsExactly("entry queued 0", "append jobs", "entry cancelled 0", "acknowledge");
    assertThat(runs).hasValue(0);
    assertThat(outcomes).isEmpty();
  }

  @Test
  void whoLosesAStartToARepeatedSubmissionLooksAgainAtOnce() throws Exception {
    provision();
    String id = submit("x").id();
    AtomicInteger rewrites = new AtomicInteger();
    store.before(operation -> {
      if (operation.equals("entry running 1") && rewrites.incrementAndGet() <= 3) {
        TaskRegister register = new TaskRegister(store);
        TaskStatus entry = Objects.requireNonNull(register.findLatest(id, TIMEOUT));
        register.replace(entry, entry.task(), TIMEOUT);
      }
    });
    start(message -> message.reply("run " + runs.incrementAndGet())); // its lease is longer than we wait
    assertThat(awaitFinished(id).attempts()).isEqualTo(1);
    assertThat(handed()).isEqualTo(1);
    assertOutcomes(JobMetrics.Outcome.SUCCEEDED);
  }

  @Test
  void startWhoseOutcomeIsUnknownIsReadFromTheLeaderWhenItIsRepeated() throws Exception {
    provision();
    String id = submit("x").id();
    store.followerStaysBehind(id);
    AtomicInteger unknown = new AtomicInteger();
    store.after(ObservedStore.once("entry running 1", Reason.TIMEOUT));
    store.beforeRead(latest -> {
      if (latest && store.done().contains("entry running 1") && unknown.getAndIncrement() == 0) {
        throw new BrokerException(Reason.TIMEOUT, "as the test wants"); // it is not read back either
      }
    });
    start(message -> message.reply("run " + runs.incrementAndGet()));
    assertOutcomes(JobMetrics.Outcome.SUCCEEDED);
    assertThat(record(id).attempts()).isEqualTo(1);
    assertThat(record(id).failures()).isZero();
    assertThat(handed()).isEqualTo(1);
  }

  @ParameterizedTest
  @ValueSource(strings = {"entry running 1", "result", "entry succeeded 1", "append jobs-dead"})
  void whatCannotBeRecordedIsTheWorkersProblem(String operation) throws Exception {
    boolean fails = operation.startsWith("append");
    maxAttempts = 1;
    AtomicInteger refused = new AtomicInteger();
    refuse(operation, refused);
    JobListenerContainer container = start(message -> {
      if (fails) {
        throw new IllegalStateException("as the test wants");
      }
      return message.reply("done");
    });
    String id = submit("x").id();
    Awaitility.await().until(() -> container.problem() != null);
    assertThat(container.problem()).contains("task " + id, " cannot be recorded since " + Instant.now().toString().substring(0, 11),
        ": as the test wants");
    end.countDown();
    awaitFinished(id);
    Awaitility.await().until(() -> container.problem() == null);
  }

  @Test
  void refusedReadIsTheWorkersProblem() throws Exception {
    store.beforeRead(latest -> {
      if (end.getCount() > 0) {
        throw new BrokerException(Reason.BROKER_UNAVAILABLE, "as the test wants");
      }
    });
    JobListenerContainer container = start(message -> message.reply("done"));
    String id = submit("x").id();
    Awaitility.await().until(() -> container.problem() != null);
    assertThat(container.problem()).contains("task " + id, "as the test wants");
    end.countDown();
    assertThat(awaitFinished(id).attempts()).isEqualTo(1);
    Awaitility.await().until(() -> container.problem() == null);
  }

  @Test
  void stopInterruptsAllAtOnceAndGivesBackSideBySide() throws Exception {
    maxInFlight = 16;
    drainTimeout = Duration.ofMillis(100);
    CountDownLatch begun = new CountDownLatch(16);
    JobListenerContainer stopping = start(message -> {
      begun.countDown();
      end.await();
      return null;
    });
    List<String> ids = new ArrayList<>();
    for (int i = 0; i < 16; i++) {
      ids.add(submit("x").id());
    }
    begun.await();
    store.before(operation -> {
      if (operation.equals("entry queued 1")) {
        letPass(Duration.ofMillis(500));
      }
    });
    long stop = System.nanoTime();
    stopping.stop();
    assertThat(Duration.ofNanos(System.nanoTime() - stop)).isLessThan(Duration.ofSeconds(4));
    assertThat(ids).allMatch(id -> record(id).state() == TaskState.QUEUED);
  }

  @Test
  void stopDrainsAlsoWhereItsQueueCannotBeClosed() throws Exception {
    CountDownLatch begun = new CountDownLatch(1);
    JobListenerContainer stopping = start(message -> {
      begun.countDown();
      end.await();
      return message.reply("done");
    });
    String id = submit("x").id();
    begun.await();
    CountDownLatch closing = new CountDownLatch(1);
    store.before(operation -> {
      if (operation.equals("close")) {
        closing.countDown();
        throw new IllegalStateException("as the test wants");
      }
    });
    CountDownLatch stopped = new CountDownLatch(1);
    stopping.stop(stopped::countDown);
    closing.await();
    end.countDown();
    stopped.await();
    assertThat(Objects.requireNonNull(tasks.find(id, TIMEOUT)).state()).isEqualTo(TaskState.SUCCEEDED);
  }

  @Test
  void reportThatIsWrittenJustBeforeTheEndDoesNotStandInItsWay() throws Exception {
    CountDownLatch ending = new CountDownLatch(1);
    CountDownLatch written = new CountDownLatch(1);
    AtomicInteger writes = new AtomicInteger();
    store.before(operation -> {
      if (operation.equals("entry running 1") && writes.incrementAndGet() == 2) {
        end.countDown();
        await(ending);
      } else if (operation.equals("entry succeeded 1")) {
        ending.countDown();
        await(written);
      }
    });
    store.after(operation -> {
      if (operation.equals("entry running 1") && writes.get() == 2) {
        written.countDown();
      }
    });
    String id = submitReporting();
    assertThat(awaitFinished(id).state()).isEqualTo(TaskState.SUCCEEDED);
    awaitEmptyQueue();
    assertOutcomes(JobMetrics.Outcome.SUCCEEDED);
    assertThat(store.steps()).containsExactly("entry queued 0", "append jobs", "entry running 1", "result", "entry running 1",
        "entry succeeded 1", "acknowledge");
  }

  @Test
  void storeThatAnswersSlowlyHoldsUpNeitherReportsNorTheEnd() throws Exception {
    CountDownLatch slow = new CountDownLatch(1);
    AtomicInteger writes = new AtomicInteger();
    AtomicInteger later = new AtomicInteger();
    store.before(operation -> {
      if (operation.equals("entry running 1") && writes.incrementAndGet() > 1) {
        await(slow);
      } else if (operation.equals("renew") && later.incrementAndGet() == 6) {
        end.countDown();
      }
    });
    lease = SHORT.multipliedBy(2); // renewed six times in four seconds
    String id = submitReporting();
    assertThat(awaitFinished(id).state()).isEqualTo(TaskState.SUCCEEDED);
    assertThat(writes).as("one at a time").hasValue(2);
    slow.countDown();
    awaitEmptyQueue();
    assertThat(record(id).state()).isEqualTo(TaskState.SUCCEEDED);
    assertOutcomes(JobMetrics.Outcome.SUCCEEDED);
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void reportWhoseOutcomeIsUnknownDoesNotKeepTheTaskFromEnding(boolean endsAtOnce) throws Exception {
    AtomicInteger writes = new AtomicInteger();
    AtomicInteger unread = new AtomicInteger();
    store.after(operation -> {
      if (operation.equals("entry running 1") && writes.incrementAndGet() == 2) {
        throw new BrokerException(Reason.TIMEOUT, "as the test wants");
      }
    });
    store.beforeRead(latest -> {
      if (latest && writes.get() == 2 && unread.getAndIncrement() == 0) {
        if (endsAtOnce) {
          end.countDown();
        }
        throw new BrokerException(Reason.TIMEOUT, "as the test wants"); // it is not read back either
      }
    });
    String id = submitReporting();
    if (!endsAtOnce) {
      Awaitility.await().until(() -> writes.get() >= 3);
      end.countDown();
    }
    assertThat(awaitFinished(id).state()).isEqualTo(TaskState.SUCCEEDED);
    assertThat(record(id).attempts()).isEqualTo(1);
    awaitEmptyQueue();
    assertOutcomes(JobMetrics.Outcome.SUCCEEDED);
    assertThat(handed()).isEqualTo(1);
  }

  @Test
  void reportThatTheStoreDoesNotTakeIsWrittenOnceItDoes() throws Exception {
    AtomicInteger refused = new AtomicInteger();
    provision();
    startReporting(settings(), (job, progress) -> {
      progress.report(40, "once");
      end.await();
      return null;
    });
    AtomicInteger writes = new AtomicInteger();
    store.before(operation -> {
      if (operation.equals("entry running 1") && writes.incrementAndGet() > 1 && refused.incrementAndGet() <= 2) {
        throw new BrokerException(Reason.BROKER_UNAVAILABLE, "as the test wants");
      }
    });
    String id = submit("x").id();
    await(id, status -> status.progress() != null);
    assertThat(refused).hasValue(3);
    end.countDown();
    awaitFinished(id);
  }

  @Test
  void nothingIsWrittenOfWhatIsReportedOnceTheEndHasBegun() throws Exception {
    AtomicInteger refused = new AtomicInteger();
    refuse("entry failed 1", refused);
    provision();
    String id = submit("x").id();
    BlockingQueue<TaskProgress> kept = new LinkedBlockingQueue<>();
    startReporting(settings(), (job, progress) -> {
      kept.add(progress);
      throw new MessageRejectedException("as the test wants");
    });
    Awaitility.await().until(() -> refused.get() >= 1);
    kept.take().report(50, "late");
    Awaitility.await().until(() -> refused.get() >= 4); // seconds later
    end.countDown();
    assertThat(awaitFinished(id).progress()).isNull();
    awaitEmptyQueue();
    assertThat(store.steps()).containsExactly("entry queued 0", "append jobs", "entry running 1", "entry failed 1",
        "acknowledge");
  }

  @Test
  void attemptAfterADeadWorkersBeginsWithoutProgressAndTheDeadOnesReportsAreDropped() throws Exception {
    provisionWithShortLease();
    CountDownLatch handedOver = new CountDownLatch(1);
    JobListenerContainer late = startReporting(settings(), (job, progress) -> {
      progress.report(80, "of the first");
      handedOver.await();
      progress.report(90, "late");
      end.await();
      return job.reply("late");
    });
    String id = submit("x").id();
    assertThat(await(id, status -> status.progress() != null).attempts()).isEqualTo(1);
    late.stop(() -> { }); // pulls no more
    Awaitility.await().until(() -> store.done().contains("close"));
    startReporting(settings(), (job, progress) -> {
      end.await();
      return job.reply("in time");
    });
    assertThat(await(id, status -> status.attempts() == 2).progress()).isNull();
    AtomicInteger dropped = new AtomicInteger();
    store.before(operation -> {
      if (operation.equals("entry running 1")) {
        dropped.incrementAndGet();
      }
    });
    handedOver.countDown();
    Awaitility.await().until(() -> dropped.get() == 1);
    end.countDown();
    TaskStatus done = awaitFinished(id);
    Awaitility.await().until(() -> outcomes.contains(JobMetrics.Outcome.SUPERSEDED));
    assertThat(done.attempts()).isEqualTo(2);
    assertThat(resultText(done)).isEqualTo("in time");
    assertThat(dropped).hasValue(1);
  }

  /** Submits a task whose handler reports again and again, until the end. */
  private String submitReporting() {
    provision();
    String id = submit("x").id();
    startReporting(settings(), (job, progress) -> {
      for (int i = 0; !end.await(1, TimeUnit.MILLISECONDS); i++) {
        progress.report(i % 101, "step " + i);
      }
      return job.reply("done");
    });
    return id;
  }

  private static void await(CountDownLatch latch) {
    try {
      assertThat(latch.await(PATIENCE.toSeconds(), TimeUnit.SECONDS)).isTrue();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private TaskRecord startedByAnother(String id) {
    TaskRegister register = new TaskRegister(store);
    TaskStatus entry = Objects.requireNonNull(register.findLatest(id, TIMEOUT));
    TaskRecord started = entry.task().started(entry.task().job(), "another", 1, Instant.now());
    return register.replace(entry, started, TIMEOUT).task();
  }

  @Test
  void jobOfAWorkerThatIsSilentGoesToAnotherAndTheLateResultIsRefused() throws Exception {
    provisionWithShortLease();
    JobListenerContainer late = start(settings(), message -> {
      end.await();
      return message.reply("late");
    });
    String id = submit("x").id();
    await(id, status -> status.state() == TaskState.RUNNING);
    late.stop(() -> { }); // pulls no more
    Awaitility.await().until(() -> store.done().contains("close"));
    start(settings(), message -> message.reply("in time"));
    TaskStatus done = awaitFinished(id);
    end.countDown();
    Awaitility.await().until(() -> outcomes.contains(JobMetrics.Outcome.SUPERSEDED));
    assertThat(tasks.find(id, TIMEOUT)).isEqualTo(done);
    assertThat(resultText(done)).isEqualTo("in time");
    assertThat(done.attempts()).isEqualTo(2);
    assertThat(record(id).failures()).isEqualTo(1);
  }

  @Test
  void taskWhoseWorkersFallSilentTooOftenHasFailed() throws Exception {
    maxAttempts = 2;
    provisionWithShortLease();
    for (int i = 0; i < 2; i++) {
      JobListenerContainer silent = start(settings(), message -> {
        runs.incrementAndGet();
        end.await();
        return message.reply("late");
      });
      if (i == 0) {
        submit("x");
      }
      int begun = i + 1;
      Awaitility.await().until(() -> runs.get() == begun);
      silent.stop(() -> { });
      Awaitility.await().until(() -> store.done().stream().filter("close"::equals).count() == begun);
    }
    start(settings(), message -> message.reply("run " + runs.incrementAndGet()));
    Awaitility.await().until(() -> !deadLetters().isEmpty());
    BrokerMessage letter = deadLetters().get(0);
    TaskStatus failed = awaitFinished(Objects.requireNonNull(letter.header("Task-Id")));
    end.countDown();
    assertThat(letter.header("Task-Attempts")).isEqualTo("2");
    assertThat(failed.state()).isEqualTo(TaskState.FAILED);
    assertThat(failed.attempts()).isEqualTo(2);
    assertThat(failed.error()).isEqualTo(new TaskError(500, "the worker ended during the attempt"));
    assertThat(record(failed.id()).failures()).isEqualTo(2);
    assertThat(runs).hasValue(2);
  }

  @Test
  void jobThatComesAgainToTheWorkerThatIsAtItIsLeftAlone() throws Exception {
    provisionWithShortLease();
    start(settings(), message -> {
      runs.incrementAndGet();
      end.await();
      return message.reply("done");
    });
    String id = submit("x").id();
    Awaitility.await().until(() -> handed() >= 2);
    end.countDown();
    assertThat(awaitFinished(id).attempts()).isEqualTo(1);
    awaitEmptyQueue();
    assertThat(record(id).failures()).isZero();
    assertThat(runs).hasValue(1);
  }

  @Test
  void changeWakesWhoWaits() throws Exception {
    List<Duration> waits = waitsForCancellation();
    assertThat(Collections.min(waits)).as("%s", waits).isLessThan(Duration.ofMillis(500));
  }

  @Test
  void whoIsNotToldOfAChangeFindsItOutWithinASecond() throws Exception {
    store.silence();
    List<Duration> waits = waitsForCancellation();
    assertThat(Collections.max(waits)).as("%s", waits).isGreaterThan(Duration.ofMillis(100));
    assertThat(Collections.min(waits)).as("%s", waits).isLessThan(Duration.ofMillis(1500));
  }

  /** Returns how long each of five who have waited for a second goes on to wait once its task is cancelled. */
  private List<Duration> waitsForCancellation() throws Exception {
    provision();
    List<TaskStatus> queued = new ArrayList<>();
    List<Future<Long>> ends = new ArrayList<>();
    CountDownLatch looks = new CountDownLatch(5 * 4); // the next ones are a second later
    for (int i = 0; i < 5; i++) {
      TaskStatus task = submit("x");
      queued.add(task);
      ends.add(threads.submit(() -> {
        TaskStatus found = tasks.await(task, status -> {
          looks.countDown();
          return status.state().isFinished();
        }, PATIENCE, TIMEOUT);
        assertThat(Objects.requireNonNull(found).state()).isEqualTo(TaskState.CANCELLED);
        return System.nanoTime();
      }));
    }
    looks.await();
    List<Long> begins = new ArrayList<>();
    for (TaskStatus task : queued) {
      begins.add(System.nanoTime());
      tasks.cancel(task.id(), TIMEOUT);
    }
    List<Duration> waits = new ArrayList<>();
    for (int i = 0; i < 5; i++) {
      waits.add(Duration.ofNanos(ends.get(i).get() - begins.get(i)));
    }
    return waits;
  }
}
