package dev.workloads.messaging.durable;

import dev.workloads.messaging.BrokerMessage;
import dev.workloads.messaging.BrokerMessageHandler;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;
import org.springframework.core.MethodParameter;
import org.springframework.messaging.Message;
import org.springframework.messaging.handler.invocation.HandlerMethodArgumentResolver;

/**
 * Finds the progress of the durable task that a message is for, also as a parameter of {@code @NatsListener} methods. Safe for use
 * by many threads; nothing blocks.
 *
 * <p>Whatever stands around a handler passes on nothing but the message. So a header of the message names the attempt, by a key that
 * no requester can guess.
 */
public final class TaskProgresses implements HandlerMethodArgumentResolver {

  private static final String KEY_HEADER = "Task-Progress";
  private static final TaskProgress NONE = Progress::new; // only checks

  private final Map<String, TaskProgress> running = new ConcurrentHashMap<>();

  /** Returns the progress of the task that a handler was called with, or one that does nothing. */
  public TaskProgress of(BrokerMessage message) {
    return find(message.header(KEY_HEADER));
  }

  private TaskProgress find(@Nullable Object key) {
    return key == null ? NONE : running.getOrDefault(key, NONE);
  }

  /** Makes a handler of jobs that find their progress here, for as long as they are handled. */
  public JobHandler around(BrokerMessageHandler handler) {
    return (job, progress) -> {
      String key = UUID.randomUUID().toString();
      running.put(key, progress);
      try {
        return handler.handle(job.withHeader(KEY_HEADER, key));
      } finally {
        running.remove(key);
      }
    };
  }

  @Override
  public boolean supportsParameter(MethodParameter parameter) {
    return parameter.getParameterType() == TaskProgress.class;
  }

  @Override
  public TaskProgress resolveArgument(MethodParameter parameter, Message<?> message) {
    return find(message.getHeaders().get(KEY_HEADER));
  }
}
