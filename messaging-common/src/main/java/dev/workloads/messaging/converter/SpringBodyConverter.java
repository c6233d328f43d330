package dev.workloads.messaging.converter;

import dev.workloads.messaging.BodyConverter;
import dev.workloads.messaging.BrokerMessage;
import dev.workloads.messaging.MessageRejectedException;
import java.util.Objects;
import java.util.concurrent.Callable;
import java.util.concurrent.CompletionStage;
import java.util.concurrent.Flow;
import java.util.concurrent.Future;
import java.util.function.Supplier;
import java.util.stream.BaseStream;
import org.jspecify.annotations.Nullable;
import org.springframework.core.MethodParameter;
import org.springframework.core.ReactiveAdapterRegistry;
import org.springframework.messaging.Message;
import org.springframework.messaging.converter.MessageConversionException;
import org.springframework.messaging.converter.SmartMessageConverter;
import org.springframework.messaging.support.GenericMessage;
import org.springframework.util.ReflectionUtils;

/**
 * Converts JSON by one of Spring's converters.
 *
 * @param json converts between JSON in bytes and any object; {@code null} where there is no JSON
 */
public record SpringBodyConverter(@Nullable SmartMessageConverter json) implements BodyConverter {

  private static final String UNREADABLE = "failed to decode body: ";
  private static final BodyConverter PLAIN = BodyConverter.plain();
  // The package of DeferredResult and its like
  private static final String OF_SPRING_MVC = "org.springframework.web.context.request.async.";

  private static final MethodParameter ANYTHING = // a parameter of type Object
      new MethodParameter(Objects.requireNonNull(ReflectionUtils.findMethod(Object.class, "equals", Object.class)), 0);

  /** Returns whether values of the type are no results, but only lead to one: they cannot be sent. */
  public static boolean isStillToCome(Class<?> type) {
    return Future.class.isAssignableFrom(type) || CompletionStage.class.isAssignableFrom(type)
        || Callable.class.isAssignableFrom(type) || Supplier.class.isAssignableFrom(type)
        || Runnable.class.isAssignableFrom(type) || BaseStream.class.isAssignableFrom(type)
        || Flow.Publisher.class.isAssignableFrom(type) || type.getName().startsWith(OF_SPRING_MVC)
        || ReactiveAdapterRegistry.getSharedInstance().getAdapter(type) != null;
  }

  @Override
  public BrokerMessage write(String subject, Object body) {
    if (json == null || body instanceof byte[] || body instanceof CharSequence) {
      return PLAIN.write(subject, body);
    }
    if (isStillToCome(body.getClass())) {
      throw new IllegalArgumentException("a " + body.getClass().getSimpleName() + " is no result yet: wait for it");
    }
    Message<?> message = Objects.requireNonNull(json.toMessage(body, null));
    return new BrokerMessage(subject, (byte[]) message.getPayload()).withHeader(BrokerMessage.CONTENT_TYPE, "application/json");
  }

  @Override
  public <T> T read(BrokerMessage message, Class<T> type) {
    Object body = read(message, type, null);
    if (body == null) {
      throw absent(message);
    }
    return type.cast(body);
  }

  /**
   * Reads a message's body as {@link #read(BrokerMessage, Class)} does.
   *
   * @param parameter says more of the type, such as what a list holds, or {@code null}
   * @return {@code null} where JSON is wanted and there is nothing, or the JSON {@code null}
   */
  public @Nullable Object read(BrokerMessage message, Class<?> type, @Nullable MethodParameter parameter) {
    if (json == null || isPlain(type)) {
      return PLAIN.read(message, type);
    }
    if (message.body().length == 0) {
      return null;
    }
    // Spring's converter returns the bytes as they are for a class that bytes are an instance of, such as Object
    boolean ofBytes = type.isInstance(message.body());
    try {
      return json.fromMessage(new GenericMessage<>(message.body()), ofBytes ? Void.class : type,
          ofBytes && parameter == null ? ANYTHING : parameter);
    } catch (MessageConversionException e) {
      throw unreadable(message, e);
    }
  }

  /** Returns whether bodies are read as the type without JSON. */
  public static boolean isPlain(Class<?> type) {
    return type == byte[].class || type == String.class || type == CharSequence.class;
  }

  /** Returns the rejection of a message whose body is needed and missing. */
  public static MessageRejectedException absent(BrokerMessage message) {
    return new MessageRejectedException(UNREADABLE + (message.body().length == 0 ? "it is empty" : "it is null"));
  }

  /**
   * Returns what is to be thrown for a body that cannot be read: what its sender is told, which is the member and no
   * name of a class, or the failure itself where no body at all can be read as the type.
   */
  public static RuntimeException unreadable(BrokerMessage message, MessageConversionException failure) {
    return JsonFailures.isOfType(failure) ? failure
        : new MessageRejectedException(UNREADABLE + JsonFailures.describe(message.body(), failure));
  }
}
