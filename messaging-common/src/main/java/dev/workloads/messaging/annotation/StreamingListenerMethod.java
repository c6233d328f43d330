package dev.workloads.messaging.annotation;

import dev.workloads.messaging.BodyConverter;
import dev.workloads.messaging.BrokerMessage;
import dev.workloads.messaging.ReplySink;
import dev.workloads.messaging.StreamingHandler;
import java.lang.reflect.Method;
import java.util.Arrays;
import java.util.stream.Stream;

/** Calls a method that returns a {@link Stream}, or takes a {@link ReplySink}, and sends a reply for each element. */
record StreamingListenerMethod(ListenerMethod method, BodyConverter converter) implements StreamingHandler {

  static boolean isOne(Method method) {
    return Stream.class.isAssignableFrom(method.getReturnType())
        || Arrays.asList(method.getParameterTypes()).contains(ReplySink.class);
  }

  @Override
  public void handle(BrokerMessage message, ReplySink<BrokerMessage> replies) throws Exception {
    ReplySink<Object> sink = element -> replies.send(converter.write(message.subject(), element));
    if (method.call(message, sink) instanceof Stream<?> elements) {
      try (elements) {
        elements.forEachOrdered(sink::send);
      }
    }
  }
}
