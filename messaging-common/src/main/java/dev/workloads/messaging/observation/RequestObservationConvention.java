package dev.workloads.messaging.observation;

import dev.workloads.messaging.BrokerException;
import io.micrometer.common.KeyValues;
import io.micrometer.observation.Observation;
import io.micrometer.observation.ObservationConvention;
import java.util.Locale;

/**
 * How requests are named and tagged: the timer {@code messaging.request} with {@code outcome} and {@code reason}. The
 * subject, which a caller may choose, goes into spans only; they follow OpenTelemetry's conventions for messaging.
 */
public class RequestObservationConvention implements ObservationConvention<RequestObservationContext> {

  private static final KeyValues SUCCESS = KeyValues.of("outcome", "success", "reason", "none");

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
    return error == null ? SUCCESS : KeyValues.of("outcome", "error", "reason", reason(error));
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
