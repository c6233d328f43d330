package dev.workloads.messaging.nats;

import dev.workloads.messaging.BrokerMessage;
import io.nats.client.Message;
import io.nats.client.impl.Headers;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Base64;
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

  /** Translates a message; the status of one that NATS itself has sent is in the headers that other clients use for it. */
  static BrokerMessage toBrokerMessage(Message message) {
    String replyTo = message.getReplyTo();
    BrokerMessage translated = new BrokerMessage(message.getSubject(), message.getData(),
        replyTo == null || replyTo.isEmpty() ? null : replyTo, // nats-server 2.9 sends some with an empty one
        headers(message.getHeaders()));
    return !message.isStatusMessage() ? translated
        : translated.withHeader("Status", Integer.toString(message.getStatus().getCode()))
            .withHeader("Description", message.getStatus().getMessage());
  }

  private static Map<String, List<String>> headers(@Nullable Headers headers) {
    if (headers == null || headers.isEmpty()) {
      return Map.of();
    }
    String wrapped = headers.getFirst(NatsInputBuffer.WRAPPED_HEADERS);
    if (wrapped != null) {
      return unwrapped(wrapped);
    }
    Map<String, List<String>> values = new HashMap<>();
    headers.forEach(values::put);
    return values;
  }

  /** Reads what can be read of headers that jnats cannot: each line with a name and a colon, in UTF-8. */
  private static Map<String, List<String>> unwrapped(String wrapped) {
    Map<String, List<String>> values = new HashMap<>();
    try {
      new String(Base64.getDecoder().decode(wrapped), StandardCharsets.UTF_8).lines().skip(1).forEach(line -> {
        int colon = line.indexOf(':');
        if (colon > 0) {
          values.computeIfAbsent(line.substring(0, colon), name -> new ArrayList<>())
              .add(line.substring(colon + 1).strip());
        }
      });
    } catch (IllegalArgumentException e) {
      // Somebody else's header of that name
    }
    return values;
  }
}
