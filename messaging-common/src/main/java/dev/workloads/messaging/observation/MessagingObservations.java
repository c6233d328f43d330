package dev.workloads.messaging.observation;

import dev.workloads.messaging.BrokerMessage;
import dev.workloads.messaging.BrokerMessageHandler;
import dev.workloads.messaging.MessageTransport;
import dev.workloads.messaging.Subjects;
import io.micrometer.common.KeyValues;
import io.micrometer.observation.Observation;
import io.micrometer.observation.ObservationConvention;
import io.micrometer.observation.ObservationRegistry;
import java.util.Objects;
import java.util.concurrent.Callable;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Observes requests and the processing of messages. A failure of the observation itself, such as of somebody's convention,
 * is logged and changes nothing for the requester.
 */
public final class MessagingObservations {

  private static final Logger log = LoggerFactory.getLogger(MessagingObservations.class);

  private MessagingObservations() {}

  /** Returns what stands around each request, and sends the trace along in its headers. */
  public static UnaryOperator<BrokerMessageHandler> ofRequests(ObservationRegistry registry,
      ObservationConvention<RequestObservationContext> convention, MessageTransport transport) {
    return next -> registry.isNoop() ? next : request -> {
      RequestObservationContext context = new RequestObservationContext(request, transport.serverAddress());
      return observe(() -> Observation.createNotStarted(convention, () -> context, registry), () -> {
        BrokerMessage reply = Objects.requireNonNull(next.handle(context.request()));
        context.setResponse(reply);
        return reply;
      });
    };
  }

  /** Returns what stands around each call of a handler, in the trace that the message's headers name. */
  public static UnaryOperator<BrokerMessageHandler> ofProcessing(ObservationRegistry registry,
      ObservationConvention<ProcessObservationContext> convention, MessageTransport transport, String listener,
      String group) {
    return handler -> registry.isNoop() ? handler : message -> observe(() -> Observation.createNotStarted(convention,
        () -> new ProcessObservationContext(message, listener, group, transport.serverAddress()), registry),
        () -> handler.handle(message));
  }

  /** Returns the tags of each timer: whether it is about a durable task, and whether that went well. */
  static KeyValues tags(String subject, @Nullable Throwable error) {
    return KeyValues.of("durable", Boolean.toString(Subjects.isDurable(subject)),
        "outcome", error == null ? "success" : "error");
  }

  /** Returns the attributes of a span, by OpenTelemetry's conventions for messaging. */
  static KeyValues attributes(String operation, String subject, @Nullable String server, @Nullable String errorType) {
    KeyValues attributes = KeyValues.of("messaging.system", "nats", "messaging.destination.name", subject,
        "messaging.operation.name", operation, "messaging.operation.type", operation);
    attributes = server == null ? attributes : attributes.and("server.address", server);
    return errorType == null ? attributes : attributes.and("error.type", errorType);
  }

  private static @Nullable BrokerMessage observe(Supplier<Observation> created,
      Callable<@Nullable BrokerMessage> observed) throws Exception {
    Observation observation = orNoop(() -> created.get().start(), Observation.NOOP);
    Observation.Scope scope = orNoop(observation::openScope, Observation.Scope.NOOP);
    try {
      return observed.call();
    } catch (Throwable e) {
      guard(() -> observation.error(e));
      throw e;
    } finally {
      guard(scope::close);
      guard(observation::stop);
    }
  }

  private static <T> T orNoop(Supplier<T> started, T noop) {
    try {
      return started.get();
    } catch (RuntimeException e) {
      log.error("An observation failed; the message is processed all the same", e);
      return noop;
    }
  }

  private static void guard(Runnable ended) {
    orNoop(() -> {
      ended.run();
      return true;
    }, false);
  }
}
