package dev.workloads.messaging.listener;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import dev.workloads.messaging.BrokerException.Reason;
import dev.workloads.messaging.BrokerMessage;
import dev.workloads.messaging.BrokerMessageHandler;
import dev.workloads.messaging.ErrorReply;
import dev.workloads.messaging.MessageRejectedException;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Semaphore;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.UnaryOperator;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;

/** What requesters and the log are told of failures, and that these cost nothing else. */
@ExtendWith(OutputCaptureExtension.class)
class ListenerFailuresTests extends ListenerFixture {

  private static final ErrorReply FAILED = new ErrorReply(500, "handler failed");

  @Test
  void foreignFailureIsNotTold(CapturedOutput output) {
    start(message -> {
      throw new IllegalStateException("password=1234");
    });
    send("0");
    assertThat(takeError()).isEqualTo(FAILED);
    await().untilAsserted(() -> assertThat(output.getOut()).contains("password=1234"));
  }

  @Test
  void rejectionIsToldOnOneLineOfAsciiAndOnceMoreWithItsLetters(CapturedOutput output) {
    start(message -> {
      throw new MessageRejectedException(422, "not a number:\r\nInjected: \u00e4");
    });
    transport.publish(request("0").withHeader("traceparent",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"));
    assertThat(take(replies)).isEqualTo(new BrokerMessage("replies.r", new byte[0], null, Map.of("Nats-Service-Error",
        List.of("not a number:  Injected: ?"), "Nats-Service-Error-Code", List.of("422"), "Error-Text",
        List.of("not%20a%20number%3A%20%20Injected%3A%20%C3%A4"))));
    await().untilAsserted(() -> assertThat(output.getOut()).contains("Rejected a message: not a number:??Injected: ? "
        + "(subject work.a, listener test, trace 0af7651916cd43dd8448eb211c80319c)"));
  }

  @Test
  void failuresAreLoggedAtALimitedRate(CapturedOutput output) {
    MessageListenerContainer container = start(message -> {
      throw new MessageRejectedException("flood");
    }, settings(4, 2000));
    long start = System.nanoTime();
    sendAll(1000);
    container.stop();
    long seconds = Duration.ofNanos(System.nanoTime() - start).toSeconds();
    int logged = count(output, "Rejected a message: flood");
    assertThat(logged).isBetween(10, 10 + (int) (seconds + 2) / 2);
    assertThat(Pattern.compile("(\\d+) more failures were not logged \\(listener test\\)").matcher(output.getOut()).results()
        .mapToInt(told -> Integer.parseInt(told.group(1))).sum()).as("left out").isEqualTo(1000 - logged);
    assertThat(replies).hasSize(1000);
  }

  @Test
  void stackTraceIsLoggedForTheFirstFailureOfItsKind(CapturedOutput output) {
    MessageListenerContainer container = start(message -> {
      if (message.text().equals("other")) {
        throw new IllegalArgumentException("of another kind");
      }
      throw new IllegalStateException("number " + message.text());
    });
    for (String text : List.of("1", "2", "other")) {
      send(text);
      assertThat(takeError()).isEqualTo(FAILED);
    }
    container.stop();
    // Spring Boot's pattern, which another test may have set, has a blank line before the stack trace
    assertThat(output.getOut().replace("\n\n", "\n")).contains("trace none)\njava.lang.IllegalStateException: number 1\n\tat ",
        "trace none): java.lang.IllegalStateException: number 2\n",
        "trace none)\njava.lang.IllegalArgumentException: of another kind\n\tat ");
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void errorOfAHandlerIsToldAndTakesNoRoom(boolean nonBlocking, CapturedOutput output) {
    MessageListenerContainer container = start(new BrokerMessageHandler() {
      @Override
      public BrokerMessage handle(BrokerMessage message) throws InterruptedException {
        if (message.text().equals("bad")) {
          throw new NoClassDefFoundError("no/such/Name");
        }
        return blockAndReply(message);
      }

      @Override
      public boolean isNonBlocking(BrokerMessage message) {
        return nonBlocking && message.text().equals("bad");
      }
    }, roomForThree());
    for (int i = 0; i < 10; i++) {
      send("bad");
      assertThat(takeError()).isEqualTo(FAILED);
    }
    assertThatThreeFit(container);
    assertThat(output.getOut()).contains("Failed to handle a message (subject work.a, listener test, trace none)",
        "NoClassDefFoundError: no/such/Name");
  }

  @ParameterizedTest
  @MethodSource("noThreads")
  void messageForWhichThereIsNoThreadIsToldSoAndTakesNoRoom(ThreadFactory noThreads, CapturedOutput output) {
    AtomicBoolean exhausted = new AtomicBoolean(true);
    MessageListenerContainer container = stopLater(new MessageListenerContainer(transport,
        new Listener(this::blockAndReply, roomForThree(), UnaryOperator.identity()), maxBuffered,
        task -> (exhausted.get() ? noThreads : (ThreadFactory) Thread::new).newThread(task)));
    container.start();
    for (int i = 0; i < 10; i++) {
      send("bad");
      assertThat(ErrorReply.from(replies.remove())).isEqualTo(FAILED);
    }
    exhausted.set(false);
    assertThatThreeFit(container);
    assertThat(output.getOut()).contains("Failed to handle a message (subject work.a, listener test, trace none)",
        "OutOfMemoryError: unable to create native thread");
  }

  @ParameterizedTest
  @MethodSource("noThreads")
  void replyThatFindsNoThreadToWaitInIsLostAndTakesNoRoom(ThreadFactory noThreads, CapturedOutput output) {
    scripted.failing(Reason.BROKER_UNAVAILABLE, Integer.MAX_VALUE);
    MessageListenerContainer container = stopLater(new MessageListenerContainer(scripted,
        new Listener(new NonBlocking(this::reply), roomForThree(), UnaryOperator.identity()), maxBuffered, noThreads));
    container.start();
    for (int i = 1; i <= 10; i++) {
      scripted.receive(request("bad"));
      assertThat(container.counters().lostReplies()).isEqualTo(i);
    }
    assertThat(started).hasSize(10);
    assertThat(container.inFlight()).isZero();
    assertThat(output.getOut()).contains("OutOfMemoryError: unable to create native thread");
  }

  static Stream<ThreadFactory> noThreads() {
    ThreadFactory failing = task -> {
      throw new OutOfMemoryError("unable to create native thread");
    };
    ThreadFactory makingThreadsThatFail = task -> new Thread(task) {
      @Override
      public synchronized void start() {
        throw new OutOfMemoryError("unable to create native thread");
      }
    };
    // From Java 21 on a pool starts its threads past their start()
    return Runtime.version().feature() >= 21 ? Stream.of(failing) : Stream.of(failing, makingThreadsThatFail);
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void handlerThatCannotTellWhetherItBlocksHasFailed(boolean error, CapturedOutput output) {
    MessageListenerContainer container = start(new BrokerMessageHandler() {
      @Override
      public BrokerMessage handle(BrokerMessage message) throws InterruptedException {
        return blockAndReply(message);
      }

      @Override
      public boolean isNonBlocking(BrokerMessage message) {
        if (!message.text().equals("bad")) {
          return false;
        }
        if (error) {
          throw new NoClassDefFoundError("who knows");
        }
        throw new IllegalStateException("who knows");
      }
    }, roomForThree());
    for (int i = 0; i < 10; i++) {
      send("bad");
      assertThat(ErrorReply.from(replies.remove())).isEqualTo(FAILED);
    }
    assertThatThreeFit(container);
    assertThat(output.getOut()).contains("Failed to handle a message", "who knows");
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void failureOfWhatStandsAroundTheHandlerIsToldAndLoggedOnce(boolean nonBlocking, CapturedOutput output) {
    startAround(nonBlocking, this::reply, handler -> message -> {
      throw new IllegalStateException("before the handler");
    });
    send("0");
    assertThat(takeError()).isEqualTo(FAILED);
    containers.get(0).stop();
    assertThat(replies).isEmpty();
    assertThat(started).isEmpty();
    assertThat(count(output, "Failed to handle a message")).isEqualTo(1);
    assertThat(count(output, "before the handler")).isEqualTo(1);
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void failureOfWhatStandsAroundTheHandlerTakesThePlaceOfItsReply(boolean nonBlocking, CapturedOutput output) {
    startAround(nonBlocking, this::reply, handler -> message -> {
      handler.handle(message);
      throw new IllegalStateException("after the handler");
    });
    send("0");
    assertThat(takeError()).isEqualTo(FAILED);
    containers.get(0).stop();
    assertThat(replies).isEmpty();
    assertThat(started).containsExactly("0");
    assertThat(count(output, "after the handler")).isEqualTo(1);
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void failureOfAHandlerIsLoggedOnceAndWhileItIsObserved(boolean nonBlocking, CapturedOutput output) {
    startAround(nonBlocking, message -> {
      throw new MessageRejectedException("the reason");
    }, handler -> message -> {
      System.out.println("the trace begins");
      try {
        return handler.handle(message);
      } finally {
        System.out.println("the trace ends");
      }
    });
    send("0");
    assertThat(takeError()).isEqualTo(new ErrorReply(400, "the reason"));
    containers.get(0).stop();
    assertThat(output.getOut()).containsSubsequence("the trace begins", "the reason", "the trace ends");
    assertThat(count(output, "the reason")).isEqualTo(1);
  }

  @Test
  void failureOfAMessageThatCameAnotherWayIsLoggedWhileItIsObserved(CapturedOutput output) {
    startAround(false, message -> {
      throw new IllegalStateException("the reason");
    }, handler -> message -> {
      System.out.println("the trace begins");
      try {
        return handler.handle(message);
      } finally {
        System.out.println("the trace ends");
      }
    });
    assertThatIllegalStateException().isThrownBy(() -> containers.get(0).listener().handle(request("0")));
    assertThat(output.getOut()).containsSubsequence("the trace begins",
        "Failed to handle a message (subject work.a, listener test, trace none)", "the reason", "the trace ends");
  }

  private void startAround(boolean nonBlocking, BrokerMessageHandler handler,
      UnaryOperator<BrokerMessageHandler> around) {
    stopLater(new MessageListenerContainer(transport,
        new Listener(nonBlocking ? new NonBlocking(handler) : handler, roomForThree(), around), maxBuffered,
        Thread::new)).start();
  }

  private @Nullable BrokerMessage reply(BrokerMessage message) {
    started.add(message.text());
    return message.reply(message.body());
  }

  private ListenerSettings roomForThree() {
    maxBuffered = new Semaphore(11);
    return settings(2, 1);
  }

  /** Two messages that are handled, of four bytes each, and one of three that waits. */
  private void assertThatThreeFit(MessageListenerContainer container) {
    await().until(() -> container.inFlight() == 0);
    assertThat(container.queued()).isZero();
    for (int inFlight : List.of(1, 2)) {
      send("no " + inFlight);
      await().until(() -> container.inFlight() == inFlight);
    }
    send("333");
    assertThat(replies).isEmpty();
    send("");
    assertThat(ErrorReply.from(replies.remove())).isEqualTo(ErrorReply.full());
    permits.release(3);
    assertThat(takeReplies(3)).containsExactlyInAnyOrder("no 1", "no 2", "333");
    await().until(() -> container.inFlight() == 0);
  }

  private static int count(CapturedOutput output, String text) {
    return output.getOut().split(text, -1).length - 1;
  }
}
