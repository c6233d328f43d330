package dev.workloads.messaging.autoconfigure;

import dev.workloads.messaging.listener.ListenerCounters;
import dev.workloads.messaging.listener.MessageListenerContainer;
import dev.workloads.messaging.listener.MessageListenerRegistry;
import dev.workloads.messaging.nats.NatsTransport;
import io.micrometer.core.instrument.FunctionCounter;
import io.micrometer.core.instrument.Gauge;
import io.micrometer.core.instrument.Meter;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.Tags;
import io.micrometer.core.instrument.binder.MeterBinder;
import io.micrometer.core.instrument.config.MeterFilter;
import io.micrometer.observation.Observation;
import io.micrometer.observation.ObservationHandler;
import io.nats.client.Statistics;
import java.util.Map;
import java.util.function.ToDoubleFunction;
import org.springframework.boot.autoconfigure.AutoConfiguration;
import org.springframework.boot.autoconfigure.condition.ConditionalOnBean;
import org.springframework.boot.autoconfigure.condition.ConditionalOnBooleanProperty;
import org.springframework.boot.autoconfigure.condition.ConditionalOnClass;
import org.springframework.boot.autoconfigure.condition.ConditionalOnMissingBean;
import org.springframework.context.annotation.Bean;

/** Auto-configuration of gauges and counters: of a worker, and of the connection to NATS; of further timers where wanted. */
@AutoConfiguration(after = MessagingAutoConfiguration.class,
    afterName = "org.springframework.boot.micrometer.metrics.autoconfigure.CompositeMeterRegistryAutoConfiguration")
@ConditionalOnClass(MeterBinder.class)
public final class MessagingMetricsAutoConfiguration {

  @Bean
  @ConditionalOnBean(MessageListenerRegistry.class)
  @ConditionalOnMissingBean(name = "messageListenerMetrics")
  MeterBinder messageListenerMetrics(MessageListenerRegistry listeners) {
    return registry -> listeners.containers().forEach(container -> bind(container, registry));
  }

  private static void bind(MessageListenerContainer container, MeterRegistry registry) {
    Tags listener = Tags.of("listener", container.settings().id());
    Gauge.builder("messaging.in.flight", container, MessageListenerContainer::inFlight)
        .description("Messages being handled").tags(listener).register(registry);
    Gauge.builder("messaging.queued", container, MessageListenerContainer::queued)
        .description("Messages that wait for a handler").tags(listener).register(registry);
    Counters<ListenerCounters> counters = new Counters<>(registry, listener, container.counters());
    counters.add("messaging.shed", "Messages refused because the worker was full", ListenerCounters::shed);
    counters.add("messaging.expired", "Messages whose requester had given up before their turn came",
        ListenerCounters::expired);
    counters.add("messaging.missing.reply.to", "Messages that owe a reply and name no subject for it",
        ListenerCounters::missingReplyTo);
    counters.add("messaging.no.reply", "Requests that were handled without a reply", ListenerCounters::noReply);
    counters.add("messaging.lost.replies", "Replies that could not be sent", ListenerCounters::lostReplies);
  }

  @Bean
  @ConditionalOnBean(NatsTransport.class)
  @ConditionalOnMissingBean(name = "natsConnectionMetrics")
  MeterBinder natsConnectionMetrics(NatsTransport transport) {
    return registry -> {
      Counters<Statistics> counters = new Counters<>(registry, Tags.empty(), transport.statistics());
      counters.add("messaging.nats.reconnects", "Times a lost connection came back", Statistics::getReconnects);
      counters.add("messaging.nats.received.messages", "Messages received from NATS", Statistics::getInMsgs);
      counters.add("messaging.nats.received.bytes", "Bytes received from NATS", Statistics::getInBytes);
      counters.add("messaging.nats.sent.messages", "Messages sent to NATS", Statistics::getOutMsgs);
      counters.add("messaging.nats.sent.bytes", "Bytes sent to NATS, its protocol included", Statistics::getOutBytes);
      counters.add("messaging.nats.dropped.messages", "Messages lost because they arrived faster than they were taken",
          Statistics::getDroppedCount);
    };
  }

  @Bean
  @ConditionalOnBean(MeterRegistry.class)
  @ConditionalOnBooleanProperty("messaging.otel-metrics")
  @ConditionalOnMissingBean(name = "otelMetrics")
  ObservationHandler<Observation.Context> otelMetrics(MeterRegistry registry) {
    return new OtelMetrics(registry);
  }

  // An observation has no place for a description
  @Bean
  static MeterFilter messagingDescriptions() {
    Map<String, String> descriptions = Map.of("messaging.request", "Requests until their reply or failure",
        "messaging.process", "Messages while they were being handled");
    return new MeterFilter() {

      @Override
      public Meter.Id map(Meter.Id id) {
        String description = descriptions.get(id.getName());
        return description == null ? id
            : new Meter.Id(id.getName(), Tags.of(id.getTags()), id.getBaseUnit(), description, id.getType());
      }
    };
  }

  private record Counters<T>(MeterRegistry registry, Tags tags, T source) {

    void add(String name, String description, ToDoubleFunction<T> count) {
      FunctionCounter.builder(name, source, count).description(description).tags(tags).register(registry);
    }
  }
}
