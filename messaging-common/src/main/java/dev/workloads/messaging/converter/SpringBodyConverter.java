package dev.workloads.messaging.converter;

import dev.workloads.messaging.BodyConverter;
import dev.workloads.messaging.BrokerMessage;
import dev.workloads.messaging.MessageRejectedException;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.springframework.messaging.Message;
import org.springframework.messaging.converter.MessageConversionException;
import org.springframework.messaging.converter.MessageConverter;
import org.springframework.messaging.support.GenericMessage;

/** Converts JSON by one of Spring's converters. */
public final class SpringBodyConverter implements BodyConverter {

  private static final String UNREADABLE = "failed to decode body: ";

  private final BodyConverter plain = BodyConverter.plain();
  private final @Nullable MessageConverter json;

  /**
   * Creates a converter.
   *
   * @param json converts between JSON in bytes and any object; {@code null} where there is no JSON
   */
  public SpringBodyConverter(@Nullable MessageConverter json) {
    this.json = json;
  }

  /** Returns what converts JSON, or {@code null}. */
  public @Nullable MessageConverter json() {
    return json;
  }

  @Override
  public BrokerMessage write(String subject, Object body) {
    if (json == null || body instanceof byte[] || body instanceof String) {
      return plain.write(subject, body);
    }
    Message<?> message = Objects.requireNonNull(json.toMessage(body, null));
    return new BrokerMessage(subject, (byte[]) message.getPayload()).withHeader("Content-Type", "application/json");
  }

  @Override
  public <T> T read(BrokerMessage message, Class<T> type) {
    if (json == null || type == byte[].class || type == String.class) {
      return plain.read(message, type);
    }
    try {
      Object body = json.fromMessage(new GenericMessage<>(message.body()), type);
      if (body == null) {
        throw new MessageRejectedException(UNREADABLE + "it is null");
      }
      return type.cast(body);
    } catch (MessageConversionException e) {
      throw unreadable(e);
    }
  }

  /** Returns what the sender of a body is told that cannot be read: which member, and no name of a class. */
  public static MessageRejectedException unreadable(MessageConversionException failure) {
    return new MessageRejectedException(UNREADABLE + JsonFailures.describe(failure));
  }
}
