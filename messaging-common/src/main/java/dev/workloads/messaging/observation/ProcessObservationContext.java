package dev.workloads.messaging.observation;

import dev.workloads.messaging.BrokerMessage;
import io.micrometer.observation.transport.Kind;
import io.micrometer.observation.transport.ReceiverContext;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** What is known of a message that is processed; its carrier is the message, whose headers name the trace. */
public final class ProcessObservationContext extends ReceiverContext<BrokerMessage> {

  private final String listener;
  private final String group;
  private final @Nullable String serverAddress;

  ProcessObservationContext(BrokerMessage message, String listener, String group, @Nullable String serverAddress) {
    super((carrier, name) -> Objects.requireNonNull(carrier).header(name), Kind.CONSUMER);
    this.listener = listener;
    this.group = group;
    this.serverAddress = serverAddress;
    setCarrier(message);
  }

  /** Returns the message. */
  public BrokerMessage message() {
    return Objects.requireNonNull(getCarrier());
  }

  /** Returns the id of the listener that processes it. */
  public String listener() {
    return listener;
  }

  /** Returns the listener's queue group. */
  public String group() {
    return group;
  }

  /** Returns the host name or address of the broker's server, or {@code null} if there is none. */
  public @Nullable String serverAddress() {
    return serverAddress;
  }
}
