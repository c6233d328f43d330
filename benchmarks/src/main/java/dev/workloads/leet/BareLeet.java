package dev.workloads.leet;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.nats.client.Connection;
import io.nats.client.Message;
import io.nats.client.MessageHandler;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;

/** What the leet worker does, right in a dispatcher of jnats. */
public final class BareLeet implements MessageHandler {

  private final Connection connection;

  public BareLeet(Connection connection) {
    this.connection = connection;
  }

  @Override
  public void onMessage(Message message) {
    try {
      String text = UTF_8.newDecoder().decode(ByteBuffer.wrap(message.getData())).toString();
      connection.publish(message.getReplyTo(), LeetSpeak.of(text).getBytes(UTF_8));
    } catch (CharacterCodingException e) {
      throw new IllegalArgumentException("not valid UTF-8", e);
    }
  }
}
