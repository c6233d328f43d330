package dev.workloads.messaging.observation;

import dev.workloads.messaging.BrokerMessage;
import dev.workloads.messaging.RequestInterceptor;
import io.micrometer.observation.Observation;
import io.micrometer.observation.ObservationConvention;
import io.micrometer.observation.ObservationRegistry;
import java.util.Map;
import java.util.function.UnaryOperator;

/** Observes requests, and sends the trace along in the headers. */
public final class ObservedRequests implements RequestInterceptor {

  private final ObservationRegistry registry;
  private final ObservationConvention<RequestObservationContext> convention;

  public ObservedRequests(ObservationRegistry registry, ObservationConvention<RequestObservationContext> convention) {
    this.registry = registry;
    this.convention = convention;
  }

  @Override
  public BrokerMessage intercept(BrokerMessage request, UnaryOperator<BrokerMessage> next) {
    if (registry.isNoop()) {
      return next.apply(request);
    }
    RequestObservationContext context = new RequestObservationContext(request.subject());
    return Observation.createNotStarted(convention, () -> context, registry).observe(() -> {
      BrokerMessage traced = request;
      for (Map.Entry<String, String> header : context.traceHeaders().entrySet()) {
        traced = traced.withHeader(header.getKey(), header.getValue());
      }
      BrokerMessage reply = next.apply(traced);
      context.setResponse(reply);
      return reply;
    });
  }
}
