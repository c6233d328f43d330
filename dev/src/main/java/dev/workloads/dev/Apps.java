package dev.workloads.dev;

import java.util.ArrayDeque;
import java.util.Deque;
import org.springframework.context.ApplicationListener;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.event.ContextClosedEvent;
import org.springframework.core.Ordered;

/**
 * Closes the apps with their parent, the last one first, so that the HTTP API drains while its worker is there. Left to
 * themselves, children close in the order they started in.
 */
final class Apps implements ApplicationListener<ContextClosedEvent>, Ordered {

  private final Deque<ConfigurableApplicationContext> started = new ArrayDeque<>();

  synchronized void add(ConfigurableApplicationContext app) {
    started.push(app);
  }

  synchronized ConfigurableApplicationContext last() {
    return started.element();
  }

  @Override
  public synchronized void onApplicationEvent(ContextClosedEvent event) {
    if (event.getApplicationContext().getParent() == null) { // children publish to their parent as well
      while (!started.isEmpty()) {
        started.pop().close();
      }
    }
  }

  @Override
  public int getOrder() {
    return HIGHEST_PRECEDENCE;
  }
}
