package dev.workloads.messaging.annotation;

import dev.workloads.messaging.BodyConverter;
import dev.workloads.messaging.BrokerMessage;
import dev.workloads.messaging.BrokerMessageHandler;
import dev.workloads.messaging.converter.SpringBodyConverter;
import java.lang.reflect.Method;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.springframework.messaging.Message;
import org.springframework.messaging.converter.MessageConversionException;
import org.springframework.messaging.handler.invocation.HandlerMethodArgumentResolverComposite;
import org.springframework.messaging.handler.invocation.InvocableHandlerMethod;
import org.springframework.messaging.support.GenericMessage;

/** Calls a method with what a message holds, and makes the reply of what it returns. */
final class ListenerMethod extends InvocableHandlerMethod implements BrokerMessageHandler {

  private final BodyConverter converter;
  private final @Nullable MethodConstraints constraints;

  ListenerMethod(Object bean, Method method, HandlerMethodArgumentResolverComposite arguments, BodyConverter converter,
      @Nullable MethodConstraints constraints) {
    super(bean, method);
    setMessageMethodArgumentResolvers(arguments);
    this.converter = converter;
    this.constraints = constraints;
  }

  /**
   * Calls the method, and returns what it returns.
   *
   * @param provided arguments that are not in the message
   */
  @Nullable Object call(BrokerMessage message, Object... provided) throws Exception {
    Object result = invoke(new GenericMessage<>(message.body(), new BrokerHeaders(message)), provided);
    if (constraints != null) {
      constraints.checkResult(result);
    }
    return result;
  }

  @Override
  public @Nullable BrokerMessage handle(BrokerMessage message) throws Exception {
    Object result = call(message);
    while (result instanceof Optional<?> optional) {
      result = optional.orElse(null);
    }
    if (result == null || result instanceof BrokerMessage) {
      return (BrokerMessage) result;
    }
    return converter.write(message.replyTo() == null ? "" : message.replyTo(), result);
  }

  @Override
  protected @Nullable Object[] getMethodArgumentValues(Message<?> message, @Nullable Object... provided)
      throws Exception {
    try {
      @Nullable Object[] arguments = super.getMethodArgumentValues(message, provided);
      if (constraints != null) {
        constraints.checkArguments(arguments);
      }
      return arguments;
    } catch (MessageConversionException e) { // a parameter is Spring's own message, and the body does not fit it
      throw SpringBodyConverter.unreadable(BrokerHeaders.of(message), e);
    }
  }
}
