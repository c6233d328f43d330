package dev.workloads.messaging.observation;

import dev.workloads.messaging.BrokerMessage;
import io.micrometer.observation.transport.Kind;
import io.micrometer.observation.transport.RequestReplySenderContext;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** What is known of a request; it is its own carrier, and puts the trace into the headers of the request. */
public final class RequestObservationContext
    extends RequestReplySenderContext<RequestObservationContext, BrokerMessage> {

  private final @Nullable String serverAddress;
  private BrokerMessage request;

  RequestObservationContext(BrokerMessage request, @Nullable String serverAddress) {
    super((carrier, name, value) -> Objects.requireNonNull(carrier).addHeader(name, value), Kind.PRODUCER);
    this.request = request;
    this.serverAddress = serverAddress;
    setCarrier(this);
  }

  private void addHeader(String name, String value) {
    request = request.withHeader(name, value);
  }

  /** Returns the request, since the start of its observation with the headers of the trace. */
  BrokerMessage request() {
    return request;
  }

  /** Returns the subject of the request. */
  public String subject() {
    return request.subject();
  }

  /** Returns the host name or address of the broker's server, or {@code null} if there is none. */
  public @Nullable String serverAddress() {
    return serverAddress;
  }
}
