package dev.workloads.messaging.durable;

import static org.assertj.core.api.Assertions.assertThat;

import dev.workloads.messaging.BrokerMessage;
import dev.workloads.messaging.durable.Claim.Action;
import dev.workloads.messaging.durable.JobMetrics.Outcome;
import java.time.Duration;
import java.time.Instant;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** The rows of the table in docs/other-languages.md, one by one. */
class ClaimTests {

  private static final int MAX_ATTEMPTS = 3;
  private static final long SEQUENCE = 7;
  private static final byte[] PAYLOAD = {1};
  private static final String ID = "A".repeat(22);
  private static final Instant NOW = Instant.now();
  private static final TaskRecord QUEUED = TaskRecord.queued("worker", null, TaskRegister.hash("worker", PAYLOAD), NOW);
  private static final TaskRecord RUNNING = QUEUED.started(SEQUENCE, "another", 0, NOW);
  private static final TaskRecord FAILED = RUNNING.failed(3, new TaskError(500, "failed"), NOW);

  @Test
  void queuedTaskBeginsItsFirstAttempt() {
    Claim claim = claim(job(PAYLOAD, null, 1), QUEUED);
    assertThat(claim.action()).isEqualTo(Action.BEGIN);
    assertThat(claim.started()).isEqualTo(QUEUED.started(SEQUENCE, "me", 0, started(claim)));
  }

  @Test
  void attemptWhoseStartIsRecordedGoesOn() {
    assertThat(claim(job(PAYLOAD, null, 1), QUEUED.started(SEQUENCE, "me", 0, NOW)).action()).isEqualTo(Action.GO_ON);
  }

  @Test
  void attemptOfAnotherThreadOfThisWorkerIsLeftToIt() {
    assertThat(claim(job(PAYLOAD, null, 2), QUEUED.started(SEQUENCE, "neighbour", 0, NOW)).action()).isEqualTo(Action.IGNORE);
  }

  @Test
  void attemptOfADeadWorkerCountsAsAFailureAndTheNextOneBegins() {
    Claim claim = claim(job(PAYLOAD, null, 2), RUNNING);
    assertThat(claim.action()).isEqualTo(Action.BEGIN);
    assertThat(claim.started()).isEqualTo(RUNNING.started(SEQUENCE, "me", 1, started(claim)));
  }

  @Test
  void lastAttemptOfADeadWorkerFailsTheTask() {
    Claim claim = claim(job(PAYLOAD, null, 4), QUEUED.started(SEQUENCE, "another", MAX_ATTEMPTS - 1, NOW));
    assertFails(claim, "the worker ended during the attempt", MAX_ATTEMPTS);
  }

  @Test
  void jobOfAFinishedTaskIsAcknowledged() {
    for (TaskRecord finished : new TaskRecord[] {RUNNING.succeeded(NOW), FAILED, QUEUED.cancelled(NOW)}) {
      assertThat(claim(job(PAYLOAD, null, 2), finished).action()).as("%s", finished).isEqualTo(Action.ACKNOWLEDGE);
    }
  }

  @Test
  void secondJobOfATaskIsAcknowledged() {
    assertThat(claim(job(PAYLOAD, null, 1), QUEUED.started(SEQUENCE + 1, "another", 0, NOW)).action())
        .isEqualTo(Action.ACKNOWLEDGE);
  }

  @Test
  void failedTaskThatIsPutBackStartsAnewAlsoWithAnotherPayload() {
    Claim claim = claim(job(new byte[] {2}, FAILED.attempts(), 1), FAILED);
    assertThat(claim.action()).isEqualTo(Action.BEGIN);
    assertThat(Objects.requireNonNull(claim.started()).failures()).isZero();
    assertThat(claim(job(PAYLOAD, FAILED.attempts() + 1, 1), FAILED).action()).isEqualTo(Action.ACKNOWLEDGE);
  }

  @Test
  void jobWithoutTaskOrEntryIsADeadLetter() {
    assertBuried(claim(job(PAYLOAD, null, 1), null), "expired");
    Job nameless = job(new BrokerMessage("jobs.worker", PAYLOAD), 1);
    assertBuried(Claim.of(nameless, null, "me", Set.of(), true, MAX_ATTEMPTS), "no Task-Id");
  }

  @Test
  void jobOfAnEntryThatIsAnotherTasksByNowIsADeadLetter() {
    assertBuried(claim(job(new byte[] {2}, null, 1), QUEUED), "expired");
  }

  @Test
  void jobWithoutHandlerIsGivenBackUntilItsTwentiethDelivery() {
    assertThat(claim(job(PAYLOAD, null, 19), QUEUED, false).action()).isEqualTo(Action.GIVE_BACK);
    assertFails(claim(job(PAYLOAD, null, 20), QUEUED, false), "no handler", 0);
  }

  private static void assertBuried(Claim claim, String reason) {
    assertThat(claim.action()).isEqualTo(Action.SETTLE);
    assertThat(claim.entry()).isNull();
    assertThat(claim.settlement()).isEqualTo(new Settlement(Outcome.EXPIRED, null, reason, null, null));
  }

  private static void assertFails(Claim claim, String reason, int failures) {
    assertThat(claim.action()).isEqualTo(Action.SETTLE);
    Settlement settlement = Objects.requireNonNull(claim.settlement());
    assertThat(settlement.deadLetter()).isEqualTo(reason);
    TaskRecord next = Objects.requireNonNull(settlement.next());
    assertThat(next.state()).isEqualTo(TaskState.FAILED);
    assertThat(next.failures()).isEqualTo(failures);
  }

  private static Instant started(Claim claim) {
    return Objects.requireNonNull(Objects.requireNonNull(claim.started()).started());
  }

  private static Claim claim(Job job, @Nullable TaskRecord task) {
    return claim(job, task, true);
  }

  private static Claim claim(Job job, @Nullable TaskRecord task, boolean hasHandler) {
    TaskStatus entry = task == null ? null : new TaskStatus(ID, task, NOW, 1);
    return Claim.of(job, entry, "me", Set.of("me", "neighbour"), hasHandler, MAX_ATTEMPTS);
  }

  private static Job job(byte[] payload, @Nullable Integer attempts, long deliveries) {
    BrokerMessage message = new BrokerMessage("jobs.worker", payload).withHeader(Jobs.TASK_ID_HEADER, ID);
    return job(attempts == null ? message : message.withHeader(Jobs.TASK_ATTEMPTS_HEADER, attempts.toString()), deliveries);
  }

  private static Job job(BrokerMessage message, long deliveries) {
    return new Job() {
      @Override
      public BrokerMessage message() {
        return message;
      }

      @Override
      public long sequence() {
        return SEQUENCE;
      }

      @Override
      public long deliveries() {
        return deliveries;
      }

      @Override
      public void renew() {
        throw new AssertionError("a decision does nothing");
      }

      @Override
      public void acknowledge() {
        throw new AssertionError("a decision does nothing");
      }

      @Override
      public void terminate() {
        throw new AssertionError("a decision does nothing");
      }

      @Override
      public void giveBack(Duration delay) {
        throw new AssertionError("a decision does nothing");
      }
    };
  }
}
