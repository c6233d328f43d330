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
    KeyValues attributes = KeyValues.of("messaging.system", "nats",
        "messaging.destination.name", context.message().subject(),
        "messaging.operation.name", "process", "messaging.operation.type", "process",
        "messaging.consumer.group.name", context.group());
    String server = context.serverAddress();
    if (server != null) {
      attributes = attributes.and("server.address", server);
    }
    Throwable error = context.getError();
    return error == null ? attributes : attributes.and("error.type", error.getClass().getName());
  }

  @Override
  public boolean supportsContext(Observation.Context context) {
    return context instanceof ProcessObservationContext;
  }
}
