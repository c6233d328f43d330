package dev.workloads.messaging.listener;

import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.springframework.context.SmartLifecycle;

/** The listener containers of an application; starts them one by one and stops them side by side. */
public final class MessageListenerRegistry implements SmartLifecycle {

  private final List<MessageListenerContainer> containers;

  public MessageListenerRegistry(List<MessageListenerContainer> containers) {
    this.containers = List.copyOf(containers);
  }

  /** Returns the containers, in the order in which they are started. */
  public List<MessageListenerContainer> containers() {
    return containers;
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
    if (containers.isEmpty()) {
      callback.run();
      return;
    }
    AtomicInteger running = new AtomicInteger(containers.size());
    containers.forEach(container -> container.stop(() -> {
      if (running.decrementAndGet() == 0) {
        callback.run();
      }
    }));
  }

  @Override
  public void stop() {
    containers.forEach(MessageListenerContainer::stop);
  }
}
