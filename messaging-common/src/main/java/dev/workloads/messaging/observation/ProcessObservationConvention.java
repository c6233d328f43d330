package dev.workloads.messaging.observation;

import io.micrometer.common.KeyValues;
import io.micrometer.observation.Observation;
import io.micrometer.observation.ObservationConvention;

/**
 * How the processing of messages is named and tagged: the timer {@code messaging.process} with {@code outcome} and
 * {@code group}.
 */
public class ProcessObservationConvention implements ObservationConvention<ProcessObservationContext> {

  @Override
  public String getName() {
    return "messaging.process";
  }

  @Override
  public String getContextualName(ProcessObservationContext context) {
    return "messaging process";
  }

  @Override
  public KeyValues getLowCardinalityKeyValues(ProcessObservationContext context) {
    return KeyValues.of("outcome", context.getError() == null ? "success" : "error", "group", context.group());
  }

  @Override
  public KeyValues getHighCardinalityKeyValues(ProcessObservationContext context) {
    return KeyValues.of("messaging.system", "nats", "messaging.destination.name", context.message().subject());
  }

  @Override
  public boolean supportsContext(Observation.Context context) {
    return context instanceof ProcessObservationContext;
  }
}
