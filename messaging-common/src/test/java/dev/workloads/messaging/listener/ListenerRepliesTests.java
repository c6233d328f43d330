package dev.workloads.messaging.listener;

import static org.assertj.core.api.Assertions.assertThat;

import dev.workloads.messaging.BrokerException.Reason;
import dev.workloads.messaging.BrokerMessage;
import dev.workloads.messaging.BrokerMessageHandler;
import dev.workloads.messaging.ErrorReply;
import dev.workloads.messaging.MessageRejectedException;
import dev.workloads.messaging.MessagingClient;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;

/** What becomes of what a handler returns. */
@ExtendWith(OutputCaptureExtension.class)
class ListenerRepliesTests extends ListenerFixture {

  @Test
  void handlerAnswersARequest() {
    start(message -> message.reply("re: " + message.text()));
    MessagingClient client = new MessagingClient(transport, Duration.ZERO);
    assertThat(client.request(BrokerMessage.of("work.a", "hello"), Duration.ofSeconds(5)).text())
        .isEqualTo("re: hello");
  }

  @Test
  void bodyAndHeadersOfAReplyAreSentToTheReplyTo() {
    Map<String, List<String>> headers = Map.of("Content-Type", List.of("text/plain"), "Several", List.of("1", "2"));
    start(message -> new BrokerMessage("elsewhere", message.body(), "replies.other", headers));
    send("0");
    assertThat(take(replies))
        .isEqualTo(new BrokerMessage("replies.r", request("0").body(), null, headers));
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void replyGoesTheWayThatItsRequestCame(boolean nonBlocking) {
    start(scripted, handler(nonBlocking, message -> message.reply(message.body())), settings(1, 10));
    BlockingQueue<BrokerMessage> way = new LinkedBlockingQueue<>();
    BlockingQueue<BrokerMessage> otherWay = new LinkedBlockingQueue<>();
    scripted.receive(request("0"), way::add);
    scripted.receive(request("1"), otherWay::add);
    assertThat(take(way).text()).isEqualTo("0");
    assertThat(take(otherWay).text()).isEqualTo("1");
    assertThat(scripted.tries()).isEmpty();
  }

  @Test
  void requestThatIsHandledWithoutAReplyIsCountedAndLogged(CapturedOutput output) {
    MessageListenerContainer container = start(message -> {
      started.add(message.text());
      return null;
    });
    send("0");
    transport.publish(BrokerMessage.of("work.a", "one-way"));
    container.stop();
    assertThat(started).containsExactlyInAnyOrder("0", "one-way");
    assertThat(replies).isEmpty();
    assertThat(container.counters().noReply()).isEqualTo(1);
    assertThat(output.getOut()).containsOnlyOnce("A request was handled without a reply").contains("subject work.a");
  }

  @Test
  void handlerThatPublishesTheReplyItselfHasReplied() {
    MessagingClient client = new MessagingClient(transport, Duration.ZERO);
    MessageListenerContainer container = start(message -> {
      client.publish(BrokerMessage.of("replies.another", ""));
      client.publish(message.reply(message.body()));
      return null;
    });
    send("0");
    container.stop();
    assertThat(replies).hasSize(2);
    assertThat(container.counters().noReply()).isZero();
  }

  @Test
  void handlerMayPublishItsReplyItself() {
    MessageListenerContainer container = start(message -> {
      transport.publish(message.reply(message.body()));
      return null;
    });
    send("0");
    container.stop();
    assertThat(takeReplies(1)).containsExactly("0");
    assertThat(replies).isEmpty();
  }

  @Test
  void failureOfAHandlerThatHasPublishedItsReplyIsAnsweredToo() {
    start(message -> {
      transport.publish(message.reply(message.body()));
      throw new MessageRejectedException("too late");
    });
    send("0");
    assertThat(takeReplies(1)).containsExactly("0");
    assertThat(takeError()).isEqualTo(new ErrorReply(400, "too late"));
  }

  @Test
  void requestsWithTheSameReplyToGetTheirOwnAnswers() {
    start(message -> {
      blockAndReply(message);
      throw new MessageRejectedException(message.text());
    }, settings(2, 0));
    send("0");
    await().until(() -> permits.getQueueLength() == 1);
    send("1");
    await().until(() -> permits.getQueueLength() == 2);
    permits.release();
    assertThat(takeError()).isEqualTo(new ErrorReply(400, "0"));
    permits.release();
    assertThat(takeError()).isEqualTo(new ErrorReply(400, "1"));
  }

  @Test
  void refusalIsNoReplyToAMessageThatIsStillHandled() {
    start(this::blockAndReply, settings(1, 0));
    send("0");
    send("1");
    assertThat(takeError()).isEqualTo(ErrorReply.full());
    permits.release();
    assertThat(takeReplies(1)).containsExactly("0");
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void replyToAMessageWithoutReplyToIsLoggedAndCountedAndNotSent(boolean nonBlocking, CapturedOutput output) {
    MessageListenerContainer container =
        start(scripted, handler(nonBlocking, message -> message.reply(message.body())), settings(1, 10));
    scripted.receive(request("0").withReplyTo(null));
    container.stop();
    assertThat(container.counters().missingReplyTo()).isEqualTo(1);
    assertThat(container.counters().lostReplies()).isZero();
    assertThat(scripted.tries()).isEmpty();
    assertThat(output.getOut())
        .contains("A reply was not sent: missing reply_to (subject work.a, listener test, trace none)");
  }

  @Test
  void failureOnAOneWayMessageIsNotCountedAsMissingReplyTo() {
    MessageListenerContainer container = start(message -> {
      throw new MessageRejectedException("no");
    });
    transport.publish(request("0").withReplyTo(null));
    container.stop();
    assertThat(container.counters().missingReplyTo()).isZero();
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void replyThatIsTooLargeBecomesAnErrorOnTheSameWay(boolean nonBlocking, CapturedOutput output) {
    MessageListenerContainer container =
        start(scripted, handler(nonBlocking, message -> message.reply(new byte[MAX_PAYLOAD + 1])), settings(1, 10));
    scripted.receive(request("0"), reply -> {
      reply.requireSendable(MAX_PAYLOAD);
      replies.add(reply);
    });
    assertThat(takeError()).isEqualTo(new ErrorReply(500, "reply too large"));
    container.stop();
    assertThat(container.counters().lostReplies()).isZero();
    assertThat(scripted.tries()).isEmpty();
    assertThat(output.getOut())
        .contains("A reply was not sent: payload and message headers are 1001 bytes, the limit is 1000 (subject");
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void replyWhoseHeaderCannotBeSentBecomesAnError(boolean nonBlocking, CapturedOutput output) {
    MessageListenerContainer container =
        start(handler(nonBlocking, message -> message.reply("").withHeader("Name", "\u00e4")));
    send("0");
    assertThat(takeError()).isEqualTo(new ErrorReply(500, "handler failed"));
    container.stop();
    assertThat(container.counters().lostReplies()).isZero();
    assertThat(output.getOut()).contains("A reply was not sent: the value of header Name must be printable ASCII");
  }

  @Test
  void replyWaitsForTheConnectionAsLongAsItsRequester() {
    scripted.failing(Reason.BROKER_UNAVAILABLE, 4);
    MessageListenerContainer container =
        start(scripted, message -> message.reply(message.body()), settings(1, 10));
    scripted.receive(request("0").withHeader("Request-Timeout", "5000"));
    assertThat(take(scripted.sent()).text()).isEqualTo("0");
    assertThat(scripted.tries()).hasSize(5);
    assertThat(container.counters().lostReplies()).isZero();
  }

  @Test
  void replyThatCannotBeSentWhileTheRequesterWaitsIsCountedAsLost(CapturedOutput output) {
    scripted.failing(Reason.BROKER_UNAVAILABLE, Integer.MAX_VALUE);
    MessageListenerContainer container =
        start(scripted, message -> message.reply(message.body()), settings(1, 10));
    scripted.receive(request("0").withHeader("Request-Timeout", "1000"));
    container.stop();
    assertThat(container.counters().lostReplies()).isEqualTo(1);
    assertThat(scripted.tries()).hasSizeGreaterThan(2);
    assertThat(output.getOut()).contains("A reply was not sent: scripted (subject work.a, listener test, trace none)");
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void replyThatMayHaveGoneOutIsNotSentAgain(boolean nonBlocking) {
    scripted.failing(Reason.TIMEOUT, 1);
    MessageListenerContainer container =
        start(scripted, handler(nonBlocking, message -> message.reply(message.body())), settings(1, 10));
    scripted.receive(request("0"));
    container.stop();
    assertThat(scripted.tries()).hasSize(1);
    assertThat(container.counters().lostReplies()).isEqualTo(1);
  }

  @Test
  void refusalThatCannotBeSentIsCountedAsLost() {
    scripted.failing(Reason.BROKER_UNAVAILABLE, Integer.MAX_VALUE);
    MessageListenerContainer container = start(scripted, this::blockAndReply, settings(1, 0));
    scripted.receive(request("0").withReplyTo(null));
    scripted.receive(request("1"));
    assertThat(container.counters().shed()).isEqualTo(1);
    assertThat(container.counters().lostReplies()).isEqualTo(1);
    assertThat(scripted.tries()).hasSize(1);
  }

  @Test
  void replyToThatIsNoSubjectHarmsNobody() {
    scripted.answer(message -> {
      message.requireSendable(MAX_PAYLOAD);
      return message;
    });
    MessageListenerContainer container =
        start(scripted, message -> message.reply(message.body()), settings(1, 10));
    scripted.receive(request("0").withReplyTo("a.*"));
    scripted.receive(request("1"));
    container.stop();
    assertThat(scripted.sent()).extracting(BrokerMessage::text).containsExactly("1");
    assertThat(container.counters().lostReplies()).isEqualTo(1);
  }

  private static BrokerMessageHandler handler(boolean nonBlocking, BrokerMessageHandler handler) {
    return nonBlocking ? new NonBlocking(handler) : handler;
  }

  @ParameterizedTest
  @ValueSource(strings = {"jobs.leet", "jobs-dead.group", "$KV.TASKS.id", "$JS.API.INFO"})
  void listenerToEverythingHearsWhatJetStreamAnswersAndAnswersNothing(String subject) throws Exception {
    start(scripted, message -> {
      started.add(message.subject() + " " + message.replyTo());
      throw new IllegalStateException("also not that it failed");
    }, new ListenerSettings("audit", List.of(">"), ListenerSettings.BROADCAST, 1, 0, Duration.ofSeconds(5)));
    scripted.receive(new BrokerMessage(subject, new byte[0], "replies.r", Map.of()), replies::add);
    assertThat(started.take()).isEqualTo(subject + " null");
    containers.forEach(MessageListenerContainer::stop);
    assertThat(replies).isEmpty();
    assertThat(scripted.tries()).isEmpty();
  }
}
