package dev.workloads.messaging.observation;

import dev.workloads.messaging.BrokerMessageHandler;
import io.micrometer.observation.Observation;
import io.micrometer.observation.ObservationConvention;
import io.micrometer.observation.ObservationRegistry;
import java.util.function.UnaryOperator;

/** Observes the processing of messages, in the trace that their headers name. */
public final class ObservedProcessing implements UnaryOperator<BrokerMessageHandler> {

  private final ObservationRegistry registry;
  private final ObservationConvention<ProcessObservationContext> convention;
  private final String group;

  public ObservedProcessing(ObservationRegistry registry, ObservationConvention<ProcessObservationContext> convention,
      String group) {
    this.registry = registry;
    this.convention = convention;
    this.group = group;
  }

  @Override
  public BrokerMessageHandler apply(BrokerMessageHandler handler) {
    return registry.isNoop() ? handler : message -> Observation
        .createNotStarted(convention, () -> new ProcessObservationContext(message, group), registry)
        .observeChecked(() -> handler.handle(message));
  }
}
