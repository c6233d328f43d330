package dev.workloads.messaging.annotation;

import dev.workloads.messaging.BodyConverter;
import dev.workloads.messaging.BrokerMessage;
import dev.workloads.messaging.BrokerMessageHandler;
import java.lang.reflect.Method;
import org.jspecify.annotations.Nullable;
import org.springframework.messaging.handler.invocation.HandlerMethodArgumentResolverComposite;
import org.springframework.messaging.handler.invocation.InvocableHandlerMethod;
import org.springframework.messaging.support.GenericMessage;

/** Calls a method with what a message holds, and makes the reply of what it returns. */
final class ListenerMethod implements BrokerMessageHandler {

  private final InvocableHandlerMethod method;
  private final BodyConverter converter;

  ListenerMethod(Object bean, Method method, HandlerMethodArgumentResolverComposite arguments, BodyConverter converter) {
    this.method = new InvocableHandlerMethod(bean, method);
    this.method.setMessageMethodArgumentResolvers(arguments);
    this.converter = converter;
  }

  @Override
  public @Nullable BrokerMessage handle(BrokerMessage message) throws Exception {
    Object result = method.invoke(new GenericMessage<>(message.body(), new BrokerHeaders(message)), message);
    if (result == null || result instanceof BrokerMessage) {
      return (BrokerMessage) result;
    }
    return converter.write(message.replyTo() == null ? "" : message.replyTo(), result);
  }
}
