package dev.workloads.messaging.durable.inprocess;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.workloads.messaging.BrokerException;
import dev.workloads.messaging.BrokerException.Reason;
import dev.workloads.messaging.BrokerMessage;
import dev.workloads.messaging.durable.Job;
import dev.workloads.messaging.durable.JobQueue;
import java.time.Duration;
import java.util.List;
import java.util.stream.IntStream;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;

/** The bounds of the store in memory. */
class InProcessStoreTests {

  private static final Duration TIMEOUT = Duration.ofSeconds(1);
  private static final int KIBIBYTE = 1024;

  private InProcessStore store = new InProcessStore(Duration.ofHours(1), 64L << 20, 1000);

  @Test
  void idsOfMessagesAreForgottenWhereThereAreTooMany() {
    for (int id = 0; id <= 100_000; id++) {
      bury("first time", id);
    }
    bury("second time", 100_000);
    assertThat(store.deadLetters()).extracting(BrokerMessage::text).doesNotContain("second time");
    bury("second time", 0);
    assertThat(store.deadLetters()).extracting(BrokerMessage::text).endsWith("second time");
  }

  @Test
  void oldestDeadLetterIsDroppedWhereThereAreTooMany() {
    for (int id = 0; id <= 1000; id++) {
      bury("letter " + id, id);
    }
    assertThat(store.deadLetters()).extracting(BrokerMessage::text)
        .containsExactlyElementsOf(IntStream.rangeClosed(1, 1000).mapToObj(id -> "letter " + id).toList());
  }

  @Test
  void deadLettersGiveWayWhereThereIsNoRoom() {
    store = withRoomFor(10 * KIBIBYTE);
    for (int id = 0; id < 20; id++) {
      bury("x".repeat(KIBIBYTE), id);
    }
    assertThat(store.deadLetters()).hasSize(10);
    put("value", 9 * KIBIBYTE);
    assertThat(store.deadLetters()).hasSize(1);
    put("another", KIBIBYTE);
    assertThat(store.deadLetters()).isEmpty();
    assertFull(() -> put("no-more", 1));
    assertFull(() -> bury("x", 20));
  }

  @Test
  void whatIsDeletedReplacedOrDoneMakesRoom() throws Exception {
    store = withRoomFor(10 * KIBIBYTE);
    long revision = store.compareAndSet("value", new byte[10 * KIBIBYTE], 0, TIMEOUT);
    JobQueue queue = store.open("group", List.of("jobs.worker"), TIMEOUT);
    assertFull(() -> append("x".repeat(KIBIBYTE), "first"));
    put("value", 9 * KIBIBYTE);
    append("x".repeat(KIBIBYTE), "first");
    assertFull(() -> put("another", 1));
    queue.pull(1, TIMEOUT, Job::acknowledge);
    put("another", KIBIBYTE);
    assertFull(() -> append("x", "second"));
    store.delete("value", revision + 1, TIMEOUT);
    put("third", 9 * KIBIBYTE);
    assertFull(() -> put("no-more", 1));
  }

  @Test
  void whatExpiresMakesRoom() {
    store = new InProcessStore(Duration.ofMillis(100), 10 * KIBIBYTE, 1000);
    put("value", 10 * KIBIBYTE);
    Awaitility.await().until(() -> store.read("value", true, TIMEOUT) == null);
    put("another", 10 * KIBIBYTE);
    assertFull(() -> put("no-more", 1));
  }

  private static InProcessStore withRoomFor(long bytes) {
    return new InProcessStore(Duration.ofHours(1), bytes, 1000);
  }

  private void put(String key, int size) {
    store.put(key, new byte[size], null, TIMEOUT);
  }

  private void bury(String text, int id) {
    store.append(BrokerMessage.of("jobs-dead.group", text), "id " + id, TIMEOUT);
  }

  private void append(String text, String id) {
    store.append(BrokerMessage.of("jobs.worker", text), id, TIMEOUT);
  }

  private static void assertFull(Runnable call) {
    assertThatExceptionOfType(BrokerException.class).isThrownBy(call::run)
        .extracting(BrokerException::reason).isEqualTo(Reason.OVERLOADED);
  }
}
