package dev.workloads.messaging.nats;

import dev.workloads.messaging.BrokerMessage;
import io.nats.client.Message;
import io.nats.client.impl.Headers;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Translates between our messages and those of jnats. */
final class NatsMessages {

  private NatsMessages() {}

  static @Nullable Headers headers(BrokerMessage message) {
    if (message.headers().isEmpty()) {
      return null;
    }
    Headers headers = new Headers();
    message.headers().forEach(headers::add);
    return headers;
  }

  static BrokerMessage toBrokerMessage(Message message) {
    return new BrokerMessage(message.getSubject(), message.getData(), message.getReplyTo(),
        headers(message.getHeaders()));
  }

  private static Map<String, List<String>> headers(@Nullable Headers headers) {
    if (headers == null || headers.isEmpty()) {
      return Map.of();
    }
    Map<String, List<String>> values = new HashMap<>();
    headers.forEach(values::put);
    return values;
  }
}
