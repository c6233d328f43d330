package dev.workloads.messaging.discovery;

import dev.workloads.messaging.BrokerException;
import dev.workloads.messaging.BrokerMessage;
import dev.workloads.messaging.MessageTransport;
import dev.workloads.messaging.MessageTransport.SubscribeOptions;
import dev.workloads.messaging.listener.EndpointStats;
import dev.workloads.messaging.listener.ListenerSettings;
import dev.workloads.messaging.listener.MessageListenerContainer;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.UUID;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.boot.json.JsonWriter;
import org.springframework.context.SmartLifecycle;

/**
 * Makes a worker visible to {@code nats micro list|info|stats}: answers {@code $SRV.PING}, {@code $SRV.INFO} and {@code
 * $SRV.STATS}, for all services, for its name, and for its id (NATS ADR-32).
 *
 * <p>Answers on the transport's thread; safe for use by many threads.
 */
public final class ServiceDiscovery implements SmartLifecycle {

  private static final Logger log = LoggerFactory.getLogger(ServiceDiscovery.class);
  private static final String TYPE = "io.nats.micro.v1.";
  private static final JsonWriter<Map<String, Object>> JSON = JsonWriter.standard();
  private static final Duration DRAIN_TIMEOUT = Duration.ofSeconds(1);
  private static final SubscribeOptions WITHOUT_IT = new SubscribeOptions(false, "nats micro does not show this worker");

  private final MessageTransport transport;
  private final List<MessageListenerContainer> containers;
  private final Identity identity;
  private final String id = UUID.randomUUID().toString().replace("-", "");
  private final Instant started = Instant.now().truncatedTo(ChronoUnit.MILLIS);
  private volatile MessageTransport.@Nullable Subscription subscription;

  /** Creates the answers for one worker. */
  public ServiceDiscovery(MessageTransport transport, List<MessageListenerContainer> containers, Identity identity) {
    this.transport = transport;
    this.containers = List.copyOf(containers);
    this.identity = identity;
  }

  /**
   * How a service is called.
   *
   * @param name letters, digits, {@code -} and {@code _}
   * @param version a semantic version
   * @param description a sentence for people
   */
  public record Identity(String name, String version, String description) {}

  @Override
  public void start() {
    if (subscription == null && !containers.isEmpty()) {
      List<String> subjects = Stream.of("PING", "INFO", "STATS").flatMap(verb -> Stream.of("$SRV." + verb,
          "$SRV." + verb + "." + identity.name(), "$SRV." + verb + "." + identity.name() + "." + id)).toList();
      subscription = transport.subscribe(subjects, null, WITHOUT_IT, this::answer);
    }
  }

  private void answer(BrokerMessage message, MessageTransport.ReplyPath replies) {
    if (message.replyTo() == null) {
      return;
    }
    try {
      replies.send(message.reply(JSON.writeToString(response(message.subject().split("\\.")[1]))));
    } catch (BrokerException | IllegalArgumentException e) {
      log.debug("A discovery request was not answered", e);
    }
  }

  private Map<String, Object> response(String verb) {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("type", TYPE + verb.toLowerCase(Locale.ROOT) + "_response");
    json.put("name", identity.name());
    json.put("id", id);
    json.put("version", identity.version());
    json.put("metadata", Map.of());
    switch (verb) {
      case "INFO" -> json.put("description", identity.description());
      case "STATS" -> json.put("started", started.toString());
      default -> {
        return json;
      }
    }
    json.put("endpoints", containers.stream().flatMap(container -> container.endpoints().stream()
        .map(endpoint -> endpoint(container.settings(), endpoint, verb.equals("STATS")))).toList());
    return json;
  }

  // An endpoint has one subject: a listener with several subjects is as many endpoints, named after their subjects
  private static Map<String, Object> endpoint(ListenerSettings listener, EndpointStats endpoint, boolean withCounts) {
    Map<String, Object> json = new LinkedHashMap<>();
    String name = listener.subscriptions().size() == 1 ? listener.id() : listener.id() + "-" + endpoint.pattern();
    json.put("name", name.replaceAll("[^a-zA-Z0-9_-]+", "-").replaceAll("-$", ""));
    json.put("subject", endpoint.pattern());
    if (listener.queueGroup() != null) {
      json.put("queue_group", listener.queueGroup());
    }
    if (withCounts) {
      addCounts(json, endpoint);
    } else {
      json.put("metadata", Map.of());
    }
    return json;
  }

  private static void addCounts(Map<String, Object> json, EndpointStats endpoint) {
    long nanos = endpoint.processingTime().toNanos();
    json.put("num_requests", endpoint.requests());
    json.put("num_errors", endpoint.errors());
    json.put("last_error", endpoint.lastError() == null ? "" : endpoint.lastError());
    json.put("processing_time", nanos);
    json.put("average_processing_time", endpoint.requests() == 0 ? 0 : nanos / endpoint.requests());
  }

  @Override
  public void stop() {
    MessageTransport.Subscription ending = subscription;
    subscription = null;
    if (ending != null) {
      try {
        ending.drain(DRAIN_TIMEOUT);
      } catch (RuntimeException e) { // Spring waits half a minute for the end of a stop that throws
        log.error("The subscription to discovery requests could not be ended; it ends with the connection", e);
      }
    }
  }

  @Override
  public boolean isRunning() {
    return subscription != null;
  }
}
