package dev.workloads.messaging.durable.jetstream;

import dev.workloads.messaging.BrokerException;
import dev.workloads.messaging.BrokerException.Reason;
import dev.workloads.messaging.BrokerMessage;
import dev.workloads.messaging.durable.StoredValue;
import java.nio.charset.StandardCharsets;
import java.time.DateTimeException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Base64;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/** A message that a stream keeps. */
record StreamMessage(BrokerMessage message, long sequence, Instant time) {

  StreamMessage {
    if (sequence <= 0) {
      throw new IllegalArgumentException("sequences begin with 1");
    }
  }

  /** Reads the reply to a direct get (ADR-31), which is the message itself; {@code null} if it is none. */
  static @Nullable StreamMessage ofDirectGet(BrokerMessage reply) {
    String sequence = reply.header("Nats-Sequence");
    String time = reply.header("Nats-Time-Stamp");
    try {
      return sequence == null || time == null ? null
          : new StreamMessage(reply, Long.parseLong(sequence), Instant.parse(time));
    } catch (IllegalArgumentException | DateTimeException e) {
      return null;
    }
  }

  /**
   * Reads the message in an answer of JetStream's API.
   *
   * @throws BrokerException {@code BROKER_UNAVAILABLE} if it cannot be read
   */
  static StreamMessage of(JsonNode json) {
    try {
      return new StreamMessage(new BrokerMessage(json.path("subject").stringValue(""), decoded(json, "data"), null,
          headers(new String(decoded(json, "hdrs"), StandardCharsets.UTF_8))),
          json.path("seq").longValue(0), Instant.parse(json.path("time").stringValue("")));
    } catch (IllegalArgumentException | DateTimeException e) {
      throw new BrokerException(Reason.BROKER_UNAVAILABLE, JetStreamApi.UNREADABLE, e);
    }
  }

  private static byte[] decoded(JsonNode json, String member) {
    return Base64.getDecoder().decode(json.path(member).stringValue(""));
  }

  private static Map<String, List<String>> headers(String lines) {
    Map<String, List<String>> headers = new LinkedHashMap<>();
    lines.lines().filter(line -> line.indexOf(':') > 0).forEach(line -> headers.computeIfAbsent(
        line.substring(0, line.indexOf(':')), name -> new ArrayList<>()).add(line.substring(line.indexOf(':') + 1).strip()));
    return headers;
  }

  /** Returns whether it says that there is no value: somebody has deleted it (ADR-8), or it has expired (ADR-48). */
  boolean isMarker() {
    String operation = message.header("KV-Operation");
    return operation != null && !operation.equals("PUT") || message.header("Nats-Marker-Reason") != null;
  }

  StoredValue value() {
    return new StoredValue(message.body(), message.header(BrokerMessage.CONTENT_TYPE), sequence, time);
  }
}
