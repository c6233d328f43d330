package dev.workloads.messaging.listener;

import static java.util.concurrent.TimeUnit.MILLISECONDS;
import static java.util.concurrent.TimeUnit.SECONDS;
import static org.assertj.core.api.Assertions.assertThat;

import dev.workloads.messaging.BrokerException.Reason;
import dev.workloads.messaging.BrokerMessage;
import dev.workloads.messaging.ErrorReply;
import dev.workloads.messaging.testing.Patience;
import java.net.URL;
import java.net.URLClassLoader;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Which handler runs on the transport's thread, and what it may do to that thread: nothing. */
class ListenerThreadsTests extends ListenerFixture {

  @Test
  void handlersRunOnTheGivenThreadsWithTheHandlersClassLoader() throws Exception {
    start(message -> {
      assertThat(Thread.currentThread().getContextClassLoader()).isSameAs(getClass().getClassLoader());
      started.add(Thread.currentThread().getName());
      return null;
    });
    Thread publisher = new Thread(() -> send("1"));
    try (URLClassLoader foreign = new URLClassLoader(new URL[0])) {
      publisher.setContextClassLoader(foreign);
      publisher.start();
      publisher.join();
    }
    assertThat(take(started)).startsWith(POOL);
  }

  @Test
  void nonBlockingHandlerRunsOnTheTransportsThreadAndLeavesNoTrace() throws Exception {
    List<Object> seen = new ArrayList<>();
    start(new NonBlocking(message -> {
      seen.add(Thread.currentThread());
      seen.add(Thread.currentThread().getContextClassLoader());
      seen.add(Thread.currentThread().isInterrupted());
      return null;
    }));
    Thread publisher = new Thread(() -> {
      Thread.currentThread().interrupt();
      send("1");
      seen.add(Thread.currentThread().getContextClassLoader());
      seen.add(Thread.currentThread().isInterrupted());
    });
    try (URLClassLoader foreign = new URLClassLoader(new URL[0])) {
      publisher.setContextClassLoader(foreign);
      publisher.start();
      publisher.join();
      assertThat(seen).containsExactly(publisher, NonBlocking.class.getClassLoader(), false, foreign, true);
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void interruptFlagOfTheTransportsThreadIsAsItWasBefore(boolean before) throws Exception {
    start(new NonBlocking(message -> {
      Thread.currentThread().interrupt();
      if (message.text().equals("fail")) {
        throw new InterruptedException();
      }
      return message.reply("done");
    }));
    for (String text : List.of("reply", "fail")) {
      Future<Boolean> flag = threads.submit(() -> {
        if (before) {
          Thread.currentThread().interrupt();
        }
        send(text);
        return Thread.interrupted();
      });
      assertThat(flag.get(5, SECONDS)).isEqualTo(before);
    }
    assertThat(takeReplies(1)).containsExactly("done");
    assertThat(takeError()).isEqualTo(new ErrorReply(500, "handler failed"));
  }

  @Test
  void nonBlockingHandlerIsOneOfThoseAllowedAtOnce() {
    MessageListenerContainer container = start(new NonBlocking(this::blockAndReply, "short"), settings(1, 1));
    send("long");
    await().until(() -> started.size() == 1);
    send("short");
    send("short");
    assertThat(ErrorReply.from(replies.remove())).isEqualTo(ErrorReply.full());
    assertThat(started).containsExactly("long");
    assertThat(container.inFlight()).isEqualTo(1);
    assertThat(container.queued()).isEqualTo(1);
    permits.release(2);
    assertThat(takeReplies(2)).containsExactly("long", "short");
    await().until(() -> container.inFlight() == 0);
  }

  @Test
  void handlerInThePoolWaitsForTheOneOnTheTransportsThread() throws Exception {
    MessageListenerContainer container = start(new NonBlocking(this::blockAndReply, "short"), settings(1, 1));
    Future<?> publisher = threads.submit(() -> send("short"));
    assertThat(take(started)).isEqualTo("short");
    send("long");
    assertThat(started.poll(Patience.FOR_A_WRONG_ONE.toMillis(), MILLISECONDS)).isNull();
    permits.release(2);
    publisher.get(5, SECONDS);
    assertThat(takeReplies(2)).containsExactly("short", "long");
    await().until(() -> container.inFlight() == 0);
  }

  @Test
  void messagesThatPileUpAreHandedOverToThePool() {
    start(scripted, new NonBlocking(this::replyWithThread), settings(1, 10));
    scripted.pending(10);
    scripted.receive(request(""));
    assertThat(scripted.sent().remove().text()).isEqualTo(Thread.currentThread().getName());
    scripted.pending(11);
    scripted.receive(request(""));
    assertThat(take(scripted.sent()).text()).startsWith(POOL);
  }

  @Test
  void replyThatCannotGoOutNowHoldsUpNoOtherMessage() {
    scripted.failing(Reason.BROKER_UNAVAILABLE, Integer.MAX_VALUE);
    MessageListenerContainer container =
        start(scripted, new NonBlocking(this::replyWithThread), settings(1, 1));
    scripted.receive(request("0"));
    scripted.receive(request("1"));
    assertThat(started).containsExactly("0", "1"); // on this thread
    assertThat(scripted.sent()).isEmpty();
    scripted.answer(connected -> connected);
    assertThat(List.of(take(scripted.sent()), take(scripted.sent())))
        .allSatisfy(reply -> assertThat(reply).isEqualTo(
            BrokerMessage.of("replies.r", Thread.currentThread().getName())));
    assertThat(container.counters().lostReplies()).isZero();
  }

  @Test
  void replyThatWaitsInThePoolIsLostWithItsRequester() {
    scripted.failing(Reason.BROKER_UNAVAILABLE, Integer.MAX_VALUE);
    MessageListenerContainer container =
        start(scripted, new NonBlocking(this::replyWithThread), settings(1, 1));
    scripted.receive(request("0").withHeader("Request-Timeout", "500"));
    assertThat(container.counters().lostReplies()).isZero();
    await().until(() -> container.counters().lostReplies() == 1);
    assertThat(scripted.tries()).hasSizeGreaterThan(2);
  }

  @Test
  void replyForWhichThereIsNoRoomInThePoolIsLostAtOnce() {
    scripted.failing(Reason.BROKER_UNAVAILABLE, Integer.MAX_VALUE);
    MessageListenerContainer container =
        start(scripted, new NonBlocking(message -> message.reply(message.body())), settings(1, 1));
    scripted.receive(request("0"));
    scripted.receive(request("1"));
    assertThat(container.counters().lostReplies()).isZero();
    scripted.receive(request("2"));
    assertThat(container.counters().lostReplies()).isEqualTo(1);
    scripted.answer(connected -> connected);
    assertThat(List.of(take(scripted.sent()).text(), take(scripted.sent()).text())).containsExactly("0", "1");
  }

  private BrokerMessage replyWithThread(BrokerMessage message) {
    started.add(message.text());
    return message.reply(Thread.currentThread().getName());
  }
}
