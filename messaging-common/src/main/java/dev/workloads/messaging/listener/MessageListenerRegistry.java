package dev.workloads.messaging.listener;

import dev.workloads.messaging.Subjects;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import org.springframework.context.SmartLifecycle;

/**
 * The listener containers of an application; starts them one by one and stops them side by side.
 *
 * @param containers in the order in which they are started
 */
public record MessageListenerRegistry(List<MessageListenerContainer> containers) implements SmartLifecycle {

  public MessageListenerRegistry {
    containers = List.copyOf(containers);
  }

  /** Returns the first listener that handles requests to a subject; for messages to it that come another way. */
  public Optional<Listener> find(String subject) {
    return containers.stream().map(MessageListenerContainer::listener).filter(listener ->
        listener.settings().subscriptions().stream().anyMatch(pattern -> Subjects.matches(pattern, subject))).findFirst();
  }

  @Override
  public void start() {
    containers.forEach(MessageListenerContainer::start);
  }

  @Override
  public boolean isRunning() {
    return containers.stream().anyMatch(MessageListenerContainer::isRunning);
  }

  @Override
  public void stop(Runnable callback) {
    CompletableFuture.allOf(containers.stream().map(container -> {
      CompletableFuture<Void> stopped = new CompletableFuture<>();
      container.stop(() -> stopped.complete(null));
      return stopped;
    }).toArray(CompletableFuture<?>[]::new)).thenRun(callback);
  }

  @Override
  public void stop() {
    containers.forEach(MessageListenerContainer::stop);
  }
}
