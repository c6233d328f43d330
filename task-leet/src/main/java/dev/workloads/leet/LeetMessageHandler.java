package dev.workloads.leet;

import dev.workloads.messaging.BrokerMessage;
import dev.workloads.messaging.BrokerMessageHandler;
import org.springframework.stereotype.Component;

/** Replies with the message's text in leet-speak. */
@Component("leet")
final class LeetMessageHandler implements BrokerMessageHandler {

  private static final int SHORT = 4096; // some 25 microseconds

  @Override
  public BrokerMessage handle(BrokerMessage message) {
    return message.reply(LeetSpeak.of(message.text()));
  }

  @Override
  public boolean isNonBlocking(BrokerMessage message) {
    return message.body().length <= SHORT;
  }
}
