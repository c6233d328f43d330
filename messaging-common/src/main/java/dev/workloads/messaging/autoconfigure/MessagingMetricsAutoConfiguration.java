package dev.workloads.messaging.autoconfigure;

import dev.workloads.messaging.listener.ListenerCounters;
import dev.workloads.messaging.listener.MessageListenerContainer;
import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.binder.MeterBinder;
import java.util.function.ToDoubleFunction;
import org.springframework.boot.autoconfigure.AutoConfiguration;
import org.springframework.boot.autoconfigure.condition.ConditionalOnBean;
import org.springframework.boot.autoconfigure.condition.ConditionalOnClass;
import org.springframework.boot.autoconfigure.condition.ConditionalOnMissingBean;
import org.springframework.context.annotation.Bean;

/** Auto-configuration of a worker's gauges and counters. */
@AutoConfiguration(after = MessagingAutoConfiguration.class)
@ConditionalOnClass(MeterBinder.class)
@ConditionalOnBean(MessageListenerContainer.class)
public final class MessagingMetricsAutoConfiguration {

  @Bean
  @ConditionalOnMissingBean(name = "messageListenerMetrics")
  MeterBinder messageListenerMetrics(MessageListenerContainer container) {
    return registry -> {
      Gauge.builder("messaging.in.flight", container, MessageListenerContainer::inFlight)
          .description("Messages being handled").register(registry);
      Gauge.builder("messaging.queued", container, MessageListenerContainer::queued)
          .description("Messages that wait for a handler").register(registry);
      counter(registry, container, "shed", "Messages refused because the worker was full", ListenerCounters::shed);
      counter(registry, container, "expired", "Messages whose requester had given up before their turn came",
          ListenerCounters::expired);
      counter(registry, container, "missing.reply.to", "Messages that owe a reply and name no subject for it",
          ListenerCounters::missingReplyTo);
      counter(registry, container, "lost.replies", "Replies that could not be sent", ListenerCounters::lostReplies);
    };
  }

  private static void counter(MeterRegistry registry, MessageListenerContainer container, String name,
      String description, ToDoubleFunction<ListenerCounters> count) {
    FunctionCounter.builder("messaging." + name, container.counters(), count)
        .description(description).register(registry);
  }
}
