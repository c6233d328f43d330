package dev.workloads.messaging.annotation;

import dev.workloads.messaging.BrokerMessage;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.springframework.messaging.Message;
import org.springframework.messaging.MessageHeaders;
import org.springframework.messaging.support.NativeMessageHeaderAccessor;

/** The headers of a message, as Spring's argument resolvers read them: one value, or a list of several. */
final class BrokerHeaders extends MessageHeaders {

  private final transient BrokerMessage message;

  BrokerHeaders(BrokerMessage message) {
    super(values(message), ID_VALUE_NONE, -1L);
    this.message = message;
  }

  /** Returns the message that Spring's was made of. */
  static BrokerMessage of(Message<?> message) {
    return ((BrokerHeaders) message.getHeaders()).message;
  }

  // A name is found in any case, as in BrokerMessage. Spring asks for a map under one name: no header holds a map.
  @Override
  public @Nullable Object get(Object key) {
    if (NativeMessageHeaderAccessor.NATIVE_HEADERS.equals(key)) {
      return null;
    }
    Object value = super.get(key);
    return value == null ? message.header(key.toString()) : value;
  }

  private static Map<String, Object> values(BrokerMessage message) {
    Map<String, Object> headers = new HashMap<>();
    message.headers().forEach((name, values) -> headers.put(name, values.size() == 1 ? values.get(0) : values));
    return headers;
  }
}
