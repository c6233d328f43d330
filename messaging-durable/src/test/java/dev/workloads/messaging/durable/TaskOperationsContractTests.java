package dev.workloads.messaging.durable;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.tuple;

import dev.workloads.messaging.BrokerMessage;
import dev.workloads.messaging.BrokerMessageHandler;
import dev.workloads.messaging.durable.operations.DeadLetter;
import dev.workloads.messaging.durable.operations.LetterFilter;
import dev.workloads.messaging.durable.operations.LetterOutcome;
import dev.workloads.messaging.durable.operations.LetterOutcome.Left;
import dev.workloads.messaging.durable.operations.LetterPage;
import dev.workloads.messaging.durable.operations.OperatorSummary;
import dev.workloads.messaging.durable.operations.OperatorSummary.DeadGroup;
import dev.workloads.messaging.durable.operations.OperatorSummary.Progress;
import dev.workloads.messaging.durable.operations.RunningException;
import dev.workloads.messaging.durable.operations.StoreOperations;
import dev.workloads.messaging.durable.operations.TaskOperations;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What operators see and do, wherever durable tasks are kept. All tests share one store, each with a group of its own. */
public abstract class TaskOperationsContractTests extends DurableTasksFixture {

  private static final Left LEFT_EXPIRED = new Left("expired, retried by that reason only", 1);
  private static final BrokerMessageHandler FAILING = message -> {
    throw new IllegalStateException("broken");
  };

  private StoreOperations operated;
  private TaskOperations operations;

  @BeforeEach
  void operate() {
    operated = tested().operations();
    operations = new TaskOperations(operated, tasks);
    maxAttempts = 1;
  }

  private LetterFilter all() {
    return new LetterFilter(group, null, lastLetter());
  }

  private LetterFilter expired() {
    return new LetterFilter(group, "expired", lastLetter());
  }

  private long lastLetter() {
    return operations.lastLetter();
  }

  private List<DeadLetter> letters() {
    return operations.letters(all(), 0, 1000).letters();
  }

  /** Submits tasks that fail, and stops the worker once they have. */
  private List<String> fail(String... payloads) throws InterruptedException {
    JobListenerContainer worker = start(FAILING);
    List<String> ids = new ArrayList<>();
    for (String payload : payloads) {
      ids.add(submit(payload).id());
    }
    for (String id : ids) {
      awaitFinished(id);
    }
    awaitEmptyQueue();
    worker.stop();
    containers.clear();
    return ids;
  }

  private void bury(BrokerMessage letter) {
    store.append(new BrokerMessage("jobs-dead." + group, letter.body(), null, letter.headers()),
        "letter-" + group + "-" + System.nanoTime(), TIMEOUT);
  }

  private BrokerMessage letter(String payload) {
    return new BrokerMessage("x", payload.getBytes(UTF_8)).withHeader("Job-Subject", "jobs." + worker);
  }

  private OperatorSummary.Worker ownQueue() {
    return operations.summary().workers().stream().filter(each -> each.group().equals(group)).findFirst().orElseThrow();
  }

  private List<DeadGroup> ownCounts() {
    return operations.summary().dead().groups().stream().filter(each -> each.group().equals(group)).toList();
  }

  @Test
  void summaryTellsWhatWaitsAndWhatIsHandedOut() throws Exception {
    provision();
    Instant before = Instant.now().minusSeconds(1);
    assertThat(ownQueue().queue()).extracting("waiting", "handedOut", "oldest").containsExactly(0L, 0L, null);
    submit("a");
    submit("b");
    CountDownLatch end = new CountDownLatch(1);
    maxInFlight = 1;
    start(message -> {
      end.await();
      return null;
    });
    Awaitility.await().untilAsserted(() ->
        assertThat(ownQueue().queue()).extracting("waiting", "handedOut").containsExactly(1L, 1L));
    StoreOperations.Queue queue = Objects.requireNonNull(ownQueue().queue());
    assertThat(queue.oldest()).isBetween(before, Instant.now());
    assertThat(queue.bytes()).isPositive();
    assertThat(queue.maxBytes()).isEqualTo(64L << 20);
    assertThat(ownQueue().problem()).isNull();
    StoreOperations.Room bucket = Objects.requireNonNull(operations.summary().bucket().room());
    assertThat(bucket.bytes()).isPositive();
    assertThat(bucket.maxBytes()).isEqualTo(64L << 20);
    end.countDown();
    awaitEmptyQueue();
  }

  @Test
  void lettersAreCountedByReasonAndAgainOnceSomeAreGone() throws Exception {
    Instant before = Instant.now().minusSeconds(1);
    fail("a", "b");
    bury(letter("c").withHeader("Dead-Letter-Reason", "expired"));
    assertThat(ownCounts()).extracting(DeadGroup::reason, DeadGroup::count)
        .containsExactlyInAnyOrder(tuple("handler failed", 2L), tuple("expired", 1L));
    assertThat(ownCounts()).allSatisfy(each -> {
      assertThat(each.first()).isBetween(before, Instant.now().plusSeconds(1));
      assertThat(each.last()).isBetween(each.first(), Instant.now().plusSeconds(1));
    });
    operated.deleteLetter(letters().get(0).sequence(), TIMEOUT);
    Awaitility.await().untilAsserted(() -> assertThat(ownCounts()).extracting(DeadGroup::reason, DeadGroup::count)
        .containsExactlyInAnyOrder(tuple("handler failed", 1L), tuple("expired", 1L)));
  }

  @Test
  void lettersAreListedWithWhatTheyNameAndInPages() throws Exception {
    List<String> ids = fail("first", "2nd");
    bury(letter("no id").withHeader("Dead-Letter-Reason", "no Task-Id"));
    List<DeadLetter> letters = letters();
    assertThat(letters).extracting(DeadLetter::task, DeadLetter::reason, DeadLetter::attempts, DeadLetter::worker,
        DeadLetter::group, DeadLetter::complete).containsExactlyInAnyOrder(
            tuple(ids.get(0), "handler failed", 1, worker, group, true),
            tuple(ids.get(1), "handler failed", 1, worker, group, true), tuple(null, "no Task-Id", 0, worker, group, false));
    assertThat(letters).extracting(DeadLetter::size).containsExactlyInAnyOrder(5L, 3L, 5L);
    LetterPage page = operations.letters(all(), 0, 2);
    assertThat(page.letters()).isEqualTo(letters.subList(0, 2));
    LetterPage rest = operations.letters(all(), Objects.requireNonNull(page.next()), 2);
    assertThat(rest.letters()).isEqualTo(letters.subList(2, 3));
    assertThat(rest.next()).isNull();
    assertThat(operations.letters(new LetterFilter(group, "no Task-Id", lastLetter()), 0, 9).letters())
        .isEqualTo(letters.subList(2, 3));
    assertThat(Objects.requireNonNull(operations.letter(letters.get(2).sequence())).text()).isEqualTo("no id");
    assertThat(operations.letter(lastLetter() + 1000)).isNull();
  }

  @Test
  void dryRunDoesNothing() throws Exception {
    fail("a", "b");
    bury(letter("no id"));
    List<DeadLetter> before = letters();
    LetterOutcome retry = operations.retry(all(), true);
    assertThat(retry).isEqualTo(new LetterOutcome(true, retry.upTo(), 3, 0, 0, List.of(new Left("incomplete", 1)), null));
    LetterOutcome deletion = operations.delete(all(), true);
    assertThat(deletion).isEqualTo(new LetterOutcome(true, deletion.upTo(), 3, 0, 0, List.of(), null));
    assertThat(letters()).isEqualTo(before);
    assertThat(operations.summary().retry()).isNull();
  }

  @Test
  void retryHasEachTaskDoneOnceMoreAndLeavesWhatIsLaterOrIncomplete() throws Exception {
    List<String> ids = fail("a", "b");
    bury(letter("no id"));
    LetterFilter filter = all();
    String later = fail("later").get(0);
    LetterOutcome outcome = operations.retry(filter, false);
    assertThat(outcome)
        .isEqualTo(new LetterOutcome(false, filter.upTo(), 3, 2, 0, List.of(new Left("incomplete", 1)), null));
    assertThat(operations.summary().retry())
        .isEqualTo(new Progress(group, null, filter.upTo(), 3, 2, 0, 1, false, null));
    assertThat(letters()).extracting(DeadLetter::task).containsExactly(null, later);
    Queue<String> handled = new ConcurrentLinkedQueue<>();
    start(message -> {
      handled.add(message.text() + message.header("Task-Attempt"));
      return null;
    });
    for (String id : ids) {
      assertThat(await(id, status -> status.state() == TaskState.SUCCEEDED).attempts()).isEqualTo(2);
    }
    awaitEmptyQueue();
    assertThat(handled).containsExactlyInAnyOrder("a2", "b2");
    assertThat(record(later).state()).isEqualTo(TaskState.FAILED);
  }

  @Test
  void retryThatWasKilledBeforeTheDeletionsIsHarmless() throws Exception {
    String id = fail("a").get(0);
    DeadLetter letter = letters().get(0);
    BrokerMessage message = Objects.requireNonNull(operations.letter(letter.sequence()));
    assertThat(tasks.putBack(message, letter.sequence(), TIMEOUT)).isNull();
    assertThat(operations.retry(all(), false).putBack()).isEqualTo(1);
    AtomicInteger runs = new AtomicInteger();
    start(done -> done.reply("run " + runs.incrementAndGet()));
    await(id, status -> status.state() == TaskState.SUCCEEDED);
    assertThat(tasks.putBack(message, letter.sequence(), TIMEOUT)).isNull(); // after its end as well
    awaitEmptyQueue();
    assertThat(runs).hasValue(1);
    assertThat(letters()).isEmpty();
  }

  @Test
  void taskThatHasExpiredIsSubmittedUnderItsIdAndClient() throws Exception {
    provision();
    TaskStatus gone = tasks.submit(new NewTask(worker, "late".getBytes(UTF_8), null, "acme"), TIMEOUT);
    store.delete(gone.id(), gone.revision(), TIMEOUT);
    start(FAILING);
    Awaitility.await().until(() -> letters().size() == 1);
    awaitEmptyQueue();
    containers.remove(0).stop();
    BrokerMessage letter = Objects.requireNonNull(operations.letter(letters().get(0).sequence()));
    assertThat(letters().get(0)).extracting(DeadLetter::reason, DeadLetter::client).containsExactly("expired", "acme");

    assertThat(tasks.putBack(letter, 1, TIMEOUT)).isNull(); // and killed before the deletion
    assertThat(operations.retry(all(), false).left()).as("it may have been cancelled before").containsExactly(LEFT_EXPIRED);
    assertThat(operations.retry(expired(), false).putBack()).isEqualTo(1);
    AtomicInteger runs = new AtomicInteger();
    start(message -> message.reply("run " + runs.incrementAndGet()));
    TaskStatus done = awaitFinished(gone.id());
    assertThat(done).extracting(TaskStatus::state, TaskStatus::client, TaskStatus::attempts)
        .containsExactly(TaskState.SUCCEEDED, "acme", 1);
    assertThat(tasks.putBack(letter, 1, TIMEOUT)).isNull();
    awaitEmptyQueue();
    assertThat(runs).hasValue(1);
    assertThat(letters()).isEmpty();
  }

  @Test
  void taskThatIsCancelledIsLeft() throws Exception {
    provision();
    TaskStatus cancelled = Objects.requireNonNull(tasks.cancel(submit("x").id(), TIMEOUT));
    for (String reason : List.of("expired", "no handler")) {
      bury(letter("x").withHeader("Task-Id", cancelled.id()).withHeader("Task-Attempts", "0")
          .withHeader("Dead-Letter-Reason", reason));
    }
    assertThat(operations.retry(all(), false).left()).containsExactly(new Left("cancelled", 1), LEFT_EXPIRED);
    assertThat(operations.retry(expired(), false).left()).containsExactly(new Left("cancelled", 1));
    assertThat(letters()).hasSize(2);
    assertThat(record(cancelled.id()).state()).isEqualTo(TaskState.CANCELLED);
  }

  @Test
  void lettersThatCannotBePutBackAreLeftWithTheReason() throws Exception {
    String failed = fail("mine").get(0);
    bury(letter("other").withHeader("Task-Id", failed).withHeader("Dead-Letter-Reason", "expired"));
    bury(letter("").withHeader("Task-Id", failed).withHeader("Task-Attempts", "1")); // of another language, without its payload
    bury(letter("").withHeader("Task-Id", failed).withHeader("Dead-Letter-Lacks", "payload"));
    bury(letter("x").withHeader("Task-Id", "B".repeat(22)).withHeader("Job-Subject", "jobs." + worker + "-nobody"));
    bury(letter("x").withHeader("Task-Id", "C".repeat(22)).withHeader("Job-Subject", "tasks." + worker));
    String unreadable = "0123456789012345678901-" + worker;
    store.put(unreadable, "{}".getBytes(UTF_8), null, TIMEOUT);
    bury(letter("x").withHeader("Task-Id", unreadable));
    LetterOutcome outcome = operations.retry(all(), false);
    assertThat(outcome.putBack()).isEqualTo(1);
    assertThat(outcome.left()).containsExactly(new Left("entry unreadable", 1), LEFT_EXPIRED,
        new Left("incomplete", 3), new Left("no durable worker takes it", 1));
    assertThat(operations.retry(expired(), false).left()).containsExactly(new Left("another task has its id", 1));
    assertThat(letters()).hasSize(6);
    assertThat(tasks.find("B".repeat(22), TIMEOUT)).isNull();
  }

  @Test
  void letterOfATaskThatIsAboutToFailIsLeft() throws Exception {
    CountDownLatch end = new CountDownLatch(1);
    start(message -> {
      end.await();
      return null;
    });
    String id = submit("x").id();
    await(id, status -> status.state() == TaskState.RUNNING);
    bury(letter("x").withHeader("Task-Id", id).withHeader("Task-Attempts", "1"));
    assertThat(operations.retry(all(), false).left()).containsExactly(new Left("about to fail", 1));
    end.countDown();
  }

  @Test
  void deletionDeletesWhatTheFilterMatches() throws Exception {
    fail("a", "b");
    bury(letter("no id").withHeader("Dead-Letter-Reason", "expired"));
    LetterFilter filter = new LetterFilter(group, "handler failed", lastLetter());
    long deleted = letters().get(0).sequence();
    assertThat(operations.delete(filter, false))
        .isEqualTo(new LetterOutcome(false, filter.upTo(), 2, 0, 2, List.of(), null));
    assertThat(letters()).extracting(DeadLetter::reason).containsExactly("expired");
    operated.deleteLetter(letters().get(0).sequence(), TIMEOUT);
    operated.deleteLetter(deleted, TIMEOUT); // once more
    assertThat(letters()).isEmpty();
  }

  @Test
  void secondRunIsRefusedWhileOneIsUnderWay() throws Exception {
    fail("a");
    CountDownLatch begun = new CountDownLatch(1);
    CountDownLatch end = new CountDownLatch(1);
    store.before(operation -> {
      if (operation.equals("append jobs")) {
        begun.countDown();
        awaitQuietly(end);
      }
    });
    LetterFilter filter = all();
    Future<LetterOutcome> first = threads.submit(() -> operations.retry(filter, false));
    begun.await();
    assertThat(Objects.requireNonNull(operations.summary().retry())).extracting(Progress::running, Progress::matched)
        .containsExactly(true, 1L);
    assertThatExceptionOfType(RunningException.class).isThrownBy(() -> operations.delete(filter, false));
    assertThat(operations.delete(filter, true).matched()).isEqualTo(1);
    first.cancel(true); // its client goes
    end.countDown();
    Awaitility.await().until(() -> !Objects.requireNonNull(operations.summary().retry()).running());
    assertThat(operations.summary().retry()).extracting(Progress::putBack).isEqualTo(1L);
    assertThat(operations.delete(all(), false).matched()).isZero();
  }

  private static void awaitQuietly(CountDownLatch latch) {
    try {
      latch.await();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
