package dev.workloads.messaging.observation;

import dev.workloads.messaging.BrokerMessage;
import io.micrometer.observation.transport.Kind;
import io.micrometer.observation.transport.RequestReplySenderContext;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** What is known of a request; its carrier takes the trace headers. */
public final class RequestObservationContext extends RequestReplySenderContext<Map<String, String>, BrokerMessage> {

  private final String subject;
  private final @Nullable String serverAddress;
  private final Map<String, String> traceHeaders = new LinkedHashMap<>();

  RequestObservationContext(String subject, @Nullable String serverAddress) {
    super((carrier, name, value) -> Objects.requireNonNull(carrier).put(name, value), Kind.PRODUCER);
    this.subject = subject;
    this.serverAddress = serverAddress;
    setCarrier(traceHeaders);
  }

  /** Returns the request with the headers of the trace. */
  BrokerMessage traced(BrokerMessage request) {
    BrokerMessage traced = request;
    for (Map.Entry<String, String> header : traceHeaders.entrySet()) {
      traced = traced.withHeader(header.getKey(), header.getValue());
    }
    return traced;
  }

  /** Returns the subject of the request. */
  public String subject() {
    return subject;
  }

  /** Returns the host name or address of the broker's server, or {@code null} if there is none. */
  public @Nullable String serverAddress() {
    return serverAddress;
  }
}
