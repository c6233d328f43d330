package dev.workloads.messaging.observation;

import io.micrometer.common.KeyValues;
import io.micrometer.observation.Observation;
import io.micrometer.observation.ObservationConvention;

/**
 * How the processing of messages is named and tagged: the timer {@code messaging.process} with {@code outcome},
 * {@code listener} and {@code group}. Spans follow OpenTelemetry's conventions for messaging.
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
    return KeyValues.of("outcome", context.getError() == null ? "success" : "error",
        "listener", context.listener(), "group", context.group());
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
