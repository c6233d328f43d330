package dev.workloads.messaging.listener;

import static java.util.concurrent.TimeUnit.MILLISECONDS;
import static java.util.concurrent.TimeUnit.SECONDS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.workloads.messaging.BrokerException;
import dev.workloads.messaging.BrokerException.Reason;
import dev.workloads.messaging.BrokerMessage;
import dev.workloads.messaging.ErrorReply;
import dev.workloads.messaging.testing.Patience;
import dev.workloads.messaging.testing.Stopwatch;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;

/** How a container starts and stops. */
class ListenerLifecycleTests extends ListenerFixture {

  private static final Duration SHORT = Duration.ofMillis(200);

  @Test
  void stopFinishesWhatItHasAndTakesNoMore() throws Exception {
    MessageListenerContainer container = start(this::blockAndReply, settings(1, 10));
    sendAll(5);
    await().until(() -> started.size() == 1);
    Future<?> stop = threads.submit(() -> container.stop());
    await().untilAsserted(this::assertNoResponders);
    int taken = started.size() + container.queued();
    assertThat(stop.isDone()).isFalse();
    permits.release(taken);
    stop.get(5, SECONDS);
    assertThat(takeReplies(5)).containsExactly("0", "1", "2", "3", "4");
    assertThat(container.counters().shed()).isZero();
  }

  @Test
  void stopInterruptsAndRefusesWhatIsLeftAfterItsTimeout() {
    MessageListenerContainer container = start(this::blockAndReply, settings(1, 10, SHORT));
    sendAll(3);
    await().until(() -> started.size() == 1);
    Stopwatch watch = Stopwatch.start();
    container.stop();
    watch.assertBetween(SHORT, Duration.ofSeconds(3));
    assertThat(List.of(takeError(), takeError(), takeError())).containsExactlyInAnyOrder(
        new ErrorReply(500, "handler failed"), ErrorReply.full(), ErrorReply.full());
    assertThat(started).containsExactly("0");
    assertThat(container.counters().shed()).isEqualTo(2);
    assertThat(container.counters().lostReplies()).isZero();
  }

  @Test
  void stopWaitsForRepliesThatWaitForTheConnection() {
    scripted.failing(Reason.BROKER_UNAVAILABLE, 3);
    MessageListenerContainer container =
        start(scripted, new NonBlocking(message -> message.reply(message.body())), settings(1, 10));
    scripted.receive(request("0"));
    container.stop();
    assertThat(scripted.sent()).extracting(BrokerMessage::text).containsExactly("0");
    assertThat(container.counters().lostReplies()).isZero();
  }

  @Test
  void stopFinishesWhatItHasThoughItsSubscriptionDoesNotEndInOrder() throws Exception {
    MessageListenerContainer container = start(scripted.failingDrains(), this::blockAndReply, settings(1, 10));
    List.of("0", "1").forEach(text -> scripted.receive(request(text)));
    await().until(() -> started.size() == 1);
    Future<?> stop = threads.submit(() -> container.stop());
    permits.release(2);
    stop.get(5, SECONDS);
    assertThat(scripted.sent()).extracting(BrokerMessage::text).containsExactly("0", "1");
    assertThat(container.isRunning()).isFalse();
  }

  @Test
  void repliesThatStillWaitWhenAStopTakesTooLongAreCountedAsLost() {
    scripted.failing(Reason.BROKER_UNAVAILABLE, Integer.MAX_VALUE);
    MessageListenerContainer container = start(scripted, new NonBlocking(message -> message.reply(message.body())),
        settings(1, 10, SHORT));
    List.of("0", "1", "2").forEach(text -> scripted.receive(request(text)));
    container.stop();
    await().until(() -> container.counters().lostReplies() == 3);
    assertThat(container.counters().shed()).isZero();
    assertThat(container.inFlight()).isZero();
  }

  @Test
  void asynchronousStopCallsBackWhenDone() throws Exception {
    MessageListenerContainer container = start(this::blockAndReply, settings(1, 10));
    send("0");
    CountDownLatch stopped = new CountDownLatch(1);
    container.stop(stopped::countDown);
    assertThat(stopped.await(Patience.FOR_A_WRONG_ONE.toMillis(), MILLISECONDS)).isFalse();
    permits.release();
    stopped.await();
    assertThat(replies).hasSize(1);
    CountDownLatch again = new CountDownLatch(1);
    container.stop(again::countDown);
    again.await();
  }

  @Test
  void keepsTheProcessAliveBetweenStartAndStop() throws Exception {
    await().until(() -> keepingAlive().isEmpty());
    Thread daemon = new Thread(() -> start(this::blockAndReply)); // whose own threads are daemons, too
    daemon.setDaemon(true);
    daemon.start();
    daemon.join();
    assertThat(keepingAlive()).hasSize(1).noneMatch(Thread::isDaemon);
    containers.get(0).start();
    assertThat(keepingAlive()).hasSize(1);
    containers.get(0).stop();
    await().until(() -> keepingAlive().isEmpty());
  }

  private static List<Thread> keepingAlive() {
    return Thread.getAllStackTraces().keySet().stream()
        .filter(thread -> thread.getName().equals("messaging-keep-alive")).toList();
  }

  @Test
  void startAndStopAreIdempotent() {
    MessageListenerContainer container = container(transport, this::blockAndReply, settings(1, 10));
    container.stop();
    assertThat(container.isRunning()).isFalse();
    assertThat(container.inFlight() + container.queued()).isZero();
    container.start();
    container.start();
    assertThat(container.isRunning()).isTrue();
    permits.release(10);
    send("0");
    container.stop();
    container.stop();
    assertThat(container.isRunning()).isFalse();
    assertThat(replies).hasSize(1);
  }

  @Test
  void stoppedContainerCanBeStartedAgain() {
    MessageListenerContainer container = start(this::blockAndReply, settings(1, 10));
    permits.release(10);
    send("0");
    container.stop();
    assertNoResponders();
    container.start();
    send("1");
    assertThat(takeReplies(2)).containsExactly("0", "1");
  }

  @Test
  void startThatFailsLeavesTheContainerStopped() {
    transport.close();
    MessageListenerContainer container = container(transport, this::blockAndReply, settings(1, 1));
    assertThatExceptionOfType(IllegalStateException.class).isThrownBy(container::start);
    assertThat(container.isRunning()).isFalse();
    await().until(() -> keepingAlive().isEmpty());
  }

  @Test
  void groupMembersShareAndBroadcastersDoNot() {
    for (String group : List.of("group", "group", "broadcast", "broadcast")) {
      start(message -> {
        started.add(group);
        return null;
      }, new ListenerSettings("test", List.of("work.*"), group, 1, 10, Duration.ofSeconds(5)));
    }
    send("0");
    containers.forEach(MessageListenerContainer::stop);
    assertThat(started).containsExactlyInAnyOrder("group", "broadcast", "broadcast");
  }

  private void assertNoResponders() {
    assertThatExceptionOfType(BrokerException.class)
        .isThrownBy(() -> transport.request(BrokerMessage.of("work.a", ""), Duration.ofMillis(1)))
        .extracting(BrokerException::reason).isEqualTo(Reason.NO_RESPONDERS);
  }
}
