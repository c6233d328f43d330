package dev.workloads.messaging.nats;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.workloads.messaging.BrokerMessage;
import io.nats.client.Message;
import io.nats.client.impl.Headers;
import io.nats.client.impl.NatsMessage;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;

/** Messages with the headers of a traced request, to jnats and back. */
@State(Scope.Benchmark)
public class NatsMessagesBenchmark {

  private static final byte[] BODY = "Hello World".getBytes(UTF_8);
  private static final Map<String, String> HEADERS = Map.of("Request-Timeout", "5000",
      "traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");

  private final BrokerMessage ours = ours();
  private final Message jnats = jnats();

  private static BrokerMessage ours() {
    BrokerMessage message = new BrokerMessage("tasks.task-leet", BODY);
    for (Map.Entry<String, String> header : HEADERS.entrySet()) {
      message = message.withHeader(header.getKey(), header.getValue());
    }
    return message;
  }

  private static Message jnats() {
    Headers headers = new Headers();
    HEADERS.forEach((name, value) -> headers.add(name, List.of(value)));
    return NatsMessage.builder().subject("tasks.task-leet").replyTo("_INBOX.1").headers(headers).data(BODY).build();
  }

  @Benchmark
  public @Nullable Object headersToJnats() {
    return NatsMessages.headers(ours);
  }

  @Benchmark
  public Object messageFromJnats() {
    return NatsMessages.toBrokerMessage(jnats);
  }
}
