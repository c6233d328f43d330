package dev.workloads.messaging.observation;

import dev.workloads.messaging.BrokerException;
import io.micrometer.common.KeyValues;
import io.micrometer.observation.Observation;
import io.micrometer.observation.ObservationConvention;
import java.util.Locale;

/**
 * How requests are named and tagged: the timer {@code messaging.request} with {@code outcome}, {@code reason}, and {@code
 * durable}, which is {@code true} for the submission of a durable task. The subject, which a caller may choose, goes into
 * spans only; they follow OpenTelemetry's conventions for messaging.
 */
public class RequestObservationConvention implements ObservationConvention<RequestObservationContext> {

  @Override
  public String getName() {
    return "messaging.request";
  }

  @Override
  public String getContextualName(RequestObservationContext context) {
    return "send " + context.subject();
  }

  @Override
  public KeyValues getLowCardinalityKeyValues(RequestObservationContext context) {
    Throwable error = context.getError();
    return MessagingObservations.tags(context.subject(), error).and("reason", error == null ? "none" : reason(error));
  }

  @Override
  public KeyValues getHighCardinalityKeyValues(RequestObservationContext context) {
    Throwable error = context.getError();
    return MessagingObservations.attributes("send", context.subject(), context.serverAddress(),
        error == null ? null : reason(error));
  }

  @Override
  public boolean supportsContext(Observation.Context context) {
    return context instanceof RequestObservationContext;
  }

  private static String reason(Throwable error) {
    return error instanceof BrokerException e
        ? e.reason().name().toLowerCase(Locale.ROOT).replace('_', '-') : "invalid-message";
  }
}
