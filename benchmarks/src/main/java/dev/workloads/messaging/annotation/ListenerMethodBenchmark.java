package dev.workloads.messaging.annotation;

import dev.workloads.messaging.BrokerMessage;
import dev.workloads.messaging.BrokerMessageHandler;
import dev.workloads.messaging.converter.SpringBodyConverter;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;
import org.springframework.beans.factory.support.DefaultListableBeanFactory;
import org.springframework.messaging.converter.JacksonJsonMessageConverter;

/** What an annotated method costs a message, beside a handler that is called directly. */
@State(Scope.Benchmark)
public class ListenerMethodBenchmark {

  private final BrokerMessage message = message("Hello World");
  private final BrokerMessage json = message("{\"text\":\"Hello World\"}");
  private final BrokerMessageHandler bean = request -> request.reply(request.body());
  private final BrokerMessageHandler bytes = method("bytes", byte[].class);
  private final BrokerMessageHandler record = method("record", Text.class);

  @Benchmark
  public @Nullable Object bean() throws Exception {
    return bean.handle(message);
  }

  @Benchmark
  public @Nullable Object methodWithBytes() throws Exception {
    return bytes.handle(message);
  }

  @Benchmark
  public @Nullable Object methodWithRecord() throws Exception {
    return record.handle(json);
  }

  private static BrokerMessage message(String text) {
    return new BrokerMessage("tasks.echo", text.getBytes(StandardCharsets.UTF_8), "_INBOX.1.2",
        Map.of("Request-Timeout", List.of("5000"), "traceparent", List.of("00-1-2-01")));
  }

  private static BrokerMessageHandler method(String name, Class<?> parameter) {
    JacksonJsonMessageConverter converter = new JacksonJsonMessageConverter();
    converter.setContentTypeResolver(null);
    try {
      return new ListenerMethods(new SpringBodyConverter(converter), null, new DefaultListableBeanFactory(), Stream.empty())
          .handler(new Echo(), Echo.class.getDeclaredMethod(name, parameter));
    } catch (NoSuchMethodException e) {
      throw new IllegalStateException(e);
    }
  }

  record Text(String text) {}

  static class Echo {

    byte[] bytes(byte[] body) {
      return body;
    }

    Text record(Text body) {
      return body;
    }
  }
}
