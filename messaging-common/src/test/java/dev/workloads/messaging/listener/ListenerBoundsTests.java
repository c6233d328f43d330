package dev.workloads.messaging.listener;

import static java.util.concurrent.TimeUnit.MILLISECONDS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import dev.workloads.messaging.BrokerMessage;
import dev.workloads.messaging.ErrorReply;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** How much a container takes in, and for how long. */
class ListenerBoundsTests extends ListenerFixture {

  @Test
  void noMoreHandlersRunAtOnceThanAllowed() {
    AtomicInteger now = new AtomicInteger();
    AtomicInteger most = new AtomicInteger();
    MessageListenerContainer container = start(message -> {
      most.accumulateAndGet(now.incrementAndGet(), Math::max);
      BrokerMessage reply = blockAndReply(message);
      now.decrementAndGet();
      return reply;
    }, settings(3, 20));
    sendAll(20);
    await().until(() -> started.size() == 3);
    assertThat(container.inFlight()).isEqualTo(3);
    assertThat(container.queued()).isEqualTo(17);
    permits.release(20);
    await().until(() -> replies.size() == 20);
    await().until(() -> container.inFlight() == 0);
    assertThat(container.queued()).isZero();
    assertThat(most).hasValue(3);
  }

  @Test
  void messageBeyondTheQueueIsRefusedAtOnce() {
    MessageListenerContainer container = start(this::blockAndReply, settings(1, 2));
    sendAll(3);
    assertThat(replies).isEmpty();
    send("3");
    assertThat(ErrorReply.from(replies.remove())).isEqualTo(new ErrorReply(503, "worker is full", true));
    assertThat(container.counters().shed()).isEqualTo(1);
    permits.release(3);
    assertThat(takeReplies(3)).containsExactly("0", "1", "2");
    permits.release();
    send("4");
    assertThat(takeReplies(1)).containsExactly("4");
  }

  @Test
  void workerWithoutQueueTakesWhatItCanHandleNow() {
    MessageListenerContainer container = start(this::blockAndReply, settings(2, 0));
    sendAll(2);
    assertThat(replies).isEmpty();
    send("2");
    assertThat(ErrorReply.from(replies.remove())).isEqualTo(ErrorReply.full());
    permits.release(2);
    assertThat(takeReplies(2)).containsExactlyInAnyOrder("0", "1");
    assertThat(container.counters().shed()).isEqualTo(1);
  }

  @Test
  void messageBeyondTheBufferedBytesIsRefusedAtOnce() {
    maxBuffered = new Semaphore(10);
    MessageListenerContainer container = start(this::blockAndReply, settings(1, 100));
    send("666666");
    send("55555");
    assertThat(ErrorReply.from(replies.remove())).isEqualTo(ErrorReply.full());
    send("4444");
    send("1");
    assertThat(ErrorReply.from(replies.remove())).isEqualTo(ErrorReply.full());
    send("");
    assertThat(container.counters().shed()).isEqualTo(2);
    permits.release(3);
    assertThat(takeReplies(3)).containsExactly("666666", "4444", "");
    await().until(() -> container.inFlight() == 0);
    permits.release();
    send("1010101010");
    assertThat(takeReplies(1)).containsExactly("1010101010");
  }

  @Test
  void oneWayMessageBeyondTheBoundsIsDroppedAndCounted() {
    MessageListenerContainer container = start(this::blockAndReply, settings(1, 0));
    send("0");
    transport.publish(request("1").withReplyTo(null));
    assertThat(container.counters().shed()).isEqualTo(1);
    assertThat(replies).isEmpty();
    permits.release();
    assertThat(takeReplies(1)).containsExactly("0");
    container.stop();
    assertThat(started).containsExactly("0");
    assertThat(container.counters().lostReplies()).isZero();
  }

  @Test
  void messageThatWaitedLongerThanItsRequesterIsDroppedAndCounted() throws Exception {
    MessageListenerContainer container = start(this::blockAndReply, settings(1, 10));
    send("blocks");
    send("expires", "50");
    send("waits", "60000");
    assertThat(permits.tryAcquire(100, MILLISECONDS)).isFalse();
    permits.release(3);
    assertThat(takeReplies(2)).containsExactly("blocks", "waits");
    container.stop();
    assertThat(started).containsExactly("blocks", "waits");
    assertThat(replies).isEmpty();
    assertThat(container.counters().expired()).isEqualTo(1);
    assertThat(container.counters().shed()).isZero();
  }

  @Test
  void expiredOneWayMessageIsDroppedToo() throws Exception {
    MessageListenerContainer container = start(this::blockAndReply, settings(1, 10));
    send("blocks");
    transport.publish(request("expires").withReplyTo(null).withHeader("Request-Timeout", "50"));
    assertThat(permits.tryAcquire(100, MILLISECONDS)).isFalse();
    permits.release(2);
    container.stop();
    assertThat(started).containsExactly("blocks");
    assertThat(container.counters().expired()).isEqualTo(1);
  }

  @ParameterizedTest
  @ValueSource(strings = {"", " ", "0", "-1", "1.5", "1ms", "0x1", "99999999999999999999", "9223372036854775807"})
  void timeoutThatIsNoPositiveNumberIsNoLimit(String timeout) throws Exception {
    MessageListenerContainer container = start(this::blockAndReply, settings(1, 10));
    send("blocks");
    send("waits", timeout);
    assertThat(permits.tryAcquire(10, MILLISECONDS)).isFalse();
    permits.release(2);
    assertThat(takeReplies(2)).containsExactly("blocks", "waits");
    assertThat(container.counters().expired()).isZero();
  }

  @Test
  void settingsAreChecked() {
    assertThatIllegalArgumentException().isThrownBy(() -> settings(List.of(), "group"));
    assertThatIllegalArgumentException().isThrownBy(() -> settings(List.of("a b"), "group"));
    assertThatIllegalArgumentException().isThrownBy(() -> settings(List.of("a"), "a b"));
    assertThatIllegalArgumentException().isThrownBy(() -> settings(List.of("a", ">"), "broadcast"));
    assertThat(settings(List.of("a", ">"), "group").queueGroup()).isEqualTo("group");
    assertThat(settings(List.of("a"), "broadcast").queueGroup()).isNull();
  }

  private static ListenerSettings settings(List<String> subscriptions, String group) {
    return new ListenerSettings("test", subscriptions, group, 1, 1, Duration.ofSeconds(5));
  }
}
