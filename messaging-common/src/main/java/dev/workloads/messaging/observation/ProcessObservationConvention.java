package dev.workloads.messaging.observation;

import io.micrometer.common.KeyValues;
import io.micrometer.observation.Observation;
import io.micrometer.observation.ObservationConvention;

/**
 * How the processing of messages is named and tagged: the timer {@code messaging.process} with {@code outcome}, {@code
 * listener}, {@code group}, and {@code durable}, which is {@code true} for an attempt at a durable task. Spans follow
 * OpenTelemetry's conventions for messaging.
 */
public class ProcessObservationConvention implements ObservationConvention<ProcessObservationContext> {

  @Override
  public String getName() {
    return "messaging.process";
  }

  @Override
  public String getContextualName(ProcessObservationContext context) {
    return "process " + context.message().subject();
  }

  @Override
  public KeyValues getLowCardinalityKeyValues(ProcessObservationContext context) {
    return MessagingObservations.tags(context.message().subject(), context.getError())
        .and("listener", context.listener(), "group", context.group());
  }

  @Override
  public KeyValues getHighCardinalityKeyValues(ProcessObservationContext context) {
    Throwable error = context.getError();
    return MessagingObservations.attributes("process", context.message().subject(), context.serverAddress(),
        error == null ? null : error.getClass().getName()).and("messaging.consumer.group.name", context.group());
  }

  @Override
  public boolean supportsContext(Observation.Context context) {
    return context instanceof ProcessObservationContext;
  }
}
