package dev.workloads.leet;

import dev.workloads.messaging.BrokerMessage;
import dev.workloads.messaging.BrokerMessageHandler;
import dev.workloads.messaging.MessageRejectedException;
import dev.workloads.messaging.MessagingClient;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import org.springframework.stereotype.Component;

/** Replies with the message's text in leet-speak. */
@Component
final class LeetMessageHandler implements BrokerMessageHandler {

  private static final int SHORT = 4096; // some 25 microseconds

  private final MessagingClient client;

  LeetMessageHandler(MessagingClient client) {
    this.client = client;
  }

  @Override
  public void handle(BrokerMessage message) {
    message.requireReplyTo();
    String leet = LeetSpeak.of(decode(message.body()));
    client.publish(message.reply(leet.getBytes(StandardCharsets.UTF_8)));
  }

  @Override
  public boolean isNonBlocking(BrokerMessage message) {
    return message.body().length <= SHORT;
  }

  private static String decode(byte[] body) {
    try {
      return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(body)).toString();
    } catch (CharacterCodingException e) {
      throw new MessageRejectedException("failed to decode body: not valid UTF-8");
    }
  }
}
