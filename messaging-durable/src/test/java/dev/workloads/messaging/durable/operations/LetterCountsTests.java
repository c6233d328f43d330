package dev.workloads.messaging.durable.operations;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.tuple;

import dev.workloads.messaging.BrokerException;
import dev.workloads.messaging.BrokerException.Reason;
import dev.workloads.messaging.BrokerMessage;
import dev.workloads.messaging.durable.inprocess.InProcessStore;
import dev.workloads.messaging.durable.operations.OperatorSummary.Dead;
import dev.workloads.messaging.durable.operations.OperatorSummary.DeadGroup;
import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class LetterCountsTests {

  private static final Duration TIMEOUT = Duration.ofSeconds(1);

  private final InProcessStore store = new InProcessStore(Duration.ofHours(1), 1 << 20, 1);
  private final ReadLetters read = new ReadLetters(store.operations());
  private final LetterCounts counts = new LetterCounts(read);

  private void bury(String group, String reason, int letter) {
    store.append(new BrokerMessage("jobs-dead." + group, new byte[0]).withHeader("Dead-Letter-Reason", reason),
        group + reason + letter, TIMEOUT);
  }

  @Test
  void reasonsPastTheHundredthAreOther() {
    for (int i = 0; i < 120; i++) {
      bury("a", "reason " + i, 0);
    }
    bury("a", "reason 7", 1);
    Dead dead = counts.look(TIMEOUT);
    assertThat(dead.total()).isEqualTo(121);
    assertThat(dead.scanned()).isEqualTo(121);
    assertThat(dead.groups()).hasSize(101).extracting(DeadGroup::reason, DeadGroup::count)
        .contains(tuple("reason 7", 2L), tuple("other", 20L));
  }

  @Test
  void eachLookGoesOnWhereTheFormerEnded() {
    bury("a", "x", 0);
    counts.look(TIMEOUT);
    bury("a", "x", 1);
    assertThat(counts.look(TIMEOUT).groups()).extracting(DeadGroup::count).containsExactly(2L);
    counts.look(TIMEOUT);
    assertThat(read.count).isEqualTo(2);
  }

  @Test
  void whatCannotBeReadIsAProblemAndWhatIsKnownStays() {
    bury("a", "x", 0);
    counts.look(TIMEOUT);
    bury("a", "x", 1);
    read.problem = "no right";
    Dead dead = counts.look(TIMEOUT);
    assertThat(dead).extracting(Dead::total, Dead::problem, Dead::scanned).containsExactly(2L, "no right", 1L);
    assertThat(dead.groups()).extracting(DeadGroup::count).containsExactly(1L);
    read.problem = null;
    assertThat(counts.look(TIMEOUT).groups()).extracting(DeadGroup::count).containsExactly(2L);
  }

  /** Letters of a store, and how many were read. */
  private static final class ReadLetters implements StoreOperations {

    private final StoreOperations store;
    private int count;
    private @Nullable String problem;

    ReadLetters(StoreOperations store) {
      this.store = store;
    }

    @Override
    public List<String> groups(Duration timeout) {
      return store.groups(timeout);
    }

    @Override
    public Queue queue(String group, Duration timeout) {
      return store.queue(group, timeout);
    }

    @Override
    public Room bucket(Duration timeout) {
      return store.bucket(timeout);
    }

    @Override
    public LetterBox letterBox(Duration timeout) {
      return store.letterBox(timeout);
    }

    @Override
    public List<DeadLetter> letters(long after, int max, Duration timeout) {
      if (problem != null) {
        throw new BrokerException(Reason.BROKER_UNAVAILABLE, problem);
      }
      List<DeadLetter> letters = store.letters(after, max, timeout);
      count += letters.size();
      return letters;
    }

    @Override
    public @Nullable BrokerMessage letter(long sequence, Duration timeout) {
      return store.letter(sequence, timeout);
    }

    @Override
    public void deleteLetter(long sequence, Duration timeout) {
      store.deleteLetter(sequence, timeout);
    }
  }
}
