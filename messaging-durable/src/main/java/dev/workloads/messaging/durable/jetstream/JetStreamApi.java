package dev.workloads.messaging.durable.jetstream;

import dev.workloads.messaging.BrokerException;
import dev.workloads.messaging.BrokerException.Reason;
import dev.workloads.messaging.BrokerMessage;
import dev.workloads.messaging.MessageTransport;
import dev.workloads.messaging.durable.StaleRevisionException;
import java.time.Duration;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * The requests of JetStream's API that durable tasks need (ADR-28, ADR-31 and the JetStream wire API). Plain requests over
 * the transport, so that they move along where it moves to another server. Blocks; safe for use by many threads.
 */
final class JetStreamApi {

  static final String PREFIX = "$JS.API.";
  private static final JsonMapper JSON = JsonMapper.shared();
  // The server's codes, which are the same in all versions
  private static final int TOO_LARGE = 10054;
  private static final int NO_ROOM = 10077;
  private static final int WRONG_LAST_SEQUENCE = 10071;
  private static final int WRONG_LAST_SEQUENCE_UNKNOWN = 10164;
  private static final int NO_ROOM_IN_ACCOUNT = 10023;
  private static final int LIMIT_OF_ACCOUNT = 10002;
  private static final int SEALED = 10109; // as the three before, the stream's fault although it says 400
  private static final int BAD_REQUEST = 400;

  private final MessageTransport transport;

  JetStreamApi(MessageTransport transport) {
    this.transport = transport;
  }

  MessageTransport transport() {
    return transport;
  }

  /** Creates the body of a request. */
  static byte[] json(Object value) {
    return JSON.writeValueAsBytes(value);
  }

  /**
   * Asks the API.
   *
   * @return the answer, which may hold an error
   * @throws BrokerException if there is no answer; {@code BROKER_UNAVAILABLE} if JetStream is off
   */
  JsonNode ask(String operation, Object request, Duration timeout) {
    try {
      return read(transport.request(new BrokerMessage(PREFIX + operation, json(request)), timeout));
    } catch (BrokerException e) {
      throw e.reason() == Reason.NO_RESPONDERS
          ? new BrokerException(Reason.BROKER_UNAVAILABLE, "JetStream does not answer " + operation, e) : e;
    }
  }

  /** Returns the error of an answer, or {@code null} if it is none. */
  static @Nullable JsonNode error(JsonNode answer) {
    return answer.get("error");
  }

  /**
   * Publishes a message to a stream, with a header that makes it one for a stream, and waits until it is kept.
   *
   * @return its sequence in the stream
   * @throws StaleRevisionException if the header names another last sequence than there is
   * @throws IllegalArgumentException if JetStream never takes such a message, for another of its headers
   * @throws BrokerException if it is not kept; {@code NO_RESPONDERS} if no stream takes the subject
   */
  long publish(BrokerMessage message, Duration timeout) {
    JsonNode answer = read(transport.request(message, timeout));
    JsonNode error = error(answer);
    if (error == null) {
      return answer.path("seq").asLong();
    }
    String why = error.path("description").asString("");
    int code = error.path("code").asInt();
    throw switch (error.path("err_code").asInt()) {
      case WRONG_LAST_SEQUENCE, WRONG_LAST_SEQUENCE_UNKNOWN -> new StaleRevisionException(message.subject());
      case NO_ROOM, NO_ROOM_IN_ACCOUNT, LIMIT_OF_ACCOUNT -> new BrokerException(Reason.OVERLOADED, "there is no room for more: " + why);
      case TOO_LARGE -> new BrokerException(Reason.PAYLOAD_TOO_LARGE, why);
      case SEALED -> new BrokerException(Reason.BROKER_UNAVAILABLE, "JetStream does not take it: " + why);
      default -> code == BAD_REQUEST ? new IllegalArgumentException("JetStream does not take it: " + why)
          : new BrokerException(Reason.BROKER_UNAVAILABLE, "JetStream does not take it: " + why);
    };
  }

  private static JsonNode read(BrokerMessage answer) {
    try {
      return JSON.readTree(answer.body());
    } catch (JacksonException e) {
      throw new BrokerException(Reason.BROKER_UNAVAILABLE, "the answer of JetStream cannot be read", e);
    }
  }
}
