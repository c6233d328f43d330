package dev.workloads.messaging.annotation;

import dev.workloads.messaging.BrokerMessage;
import org.springframework.core.MethodParameter;
import org.springframework.messaging.Message;
import org.springframework.messaging.handler.invocation.HandlerMethodArgumentResolver;

/** Resolves the whole message, for a parameter of that type and no other. */
final class BrokerMessageArgumentResolver implements HandlerMethodArgumentResolver {

  @Override
  public boolean supportsParameter(MethodParameter parameter) {
    return parameter.getParameterType() == BrokerMessage.class;
  }

  @Override
  public BrokerMessage resolveArgument(MethodParameter parameter, Message<?> message) {
    return BrokerHeaders.of(message);
  }
}
