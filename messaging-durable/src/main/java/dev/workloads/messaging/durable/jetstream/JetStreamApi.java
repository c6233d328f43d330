package dev.workloads.messaging.durable.jetstream;

import dev.workloads.messaging.BrokerException;
import dev.workloads.messaging.BrokerException.Reason;
import dev.workloads.messaging.BrokerMessage;
import dev.workloads.messaging.ErrorReply;
import dev.workloads.messaging.MessageTransport;
import dev.workloads.messaging.durable.DurableStore.Appended;
import dev.workloads.messaging.durable.StaleRevisionException;
import java.time.Duration;
import java.util.Map;
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
  /** Why nobody answers where something is not known to be missing. */
  static final String OFF = "JetStream is off here, not allowed for this account, or in another domain: "
      + "durable tasks need it in the domain of the server that they connect to";
  static final String UNREADABLE = "the answer of JetStream cannot be read";
  private static final JsonMapper JSON = JsonMapper.shared();
  // The server's codes, which are the same in all versions
  private static final int NO_MESSAGE = 10037;
  private static final int NO_STREAM = 10059;
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
      return request(operation, request, timeout);
    } catch (BrokerException e) {
      throw e.reason() == Reason.NO_RESPONDERS ? new BrokerException(Reason.BROKER_UNAVAILABLE,
          "JetStream does not answer " + operation + ": " + OFF, e) : e;
    }
  }

  private JsonNode request(String operation, Object request, Duration timeout) {
    JsonNode answer = read(transport.request(new BrokerMessage(PREFIX + operation, json(request)), timeout));
    if (!answer.isObject()) {
      throw new BrokerException(Reason.BROKER_UNAVAILABLE, UNREADABLE);
    }
    return answer;
  }

  /** Returns the error of an answer, or {@code null} if it is none. */
  static @Nullable JsonNode error(JsonNode answer) {
    return answer.get("error");
  }

  private static int code(JsonNode error) {
    return error.path("err_code").intValue(0);
  }

  private static String description(JsonNode error) {
    return error.path("description").stringValue("");
  }

  /**
   * Asks the leader of a stream for a message.
   *
   * @param which {@code seq} or {@code last_by_subj}
   * @return the message, or {@code null} if there is none
   * @throws BrokerException {@code NO_RESPONDERS} if there is no such stream, or JetStream is off
   */
  @Nullable StreamMessage message(String stream, Map<String, Object> which, Duration timeout) {
    JsonNode answer = request("STREAM.MSG.GET." + stream, which, timeout);
    JsonNode error = error(answer);
    if (error == null) {
      return StreamMessage.of(answer.path("message"));
    }
    if (code(error) == NO_MESSAGE) {
      return null;
    }
    throw new BrokerException(code(error) == NO_STREAM ? Reason.NO_RESPONDERS : Reason.BROKER_UNAVAILABLE,
        "the stream " + stream + " cannot be read: " + description(error));
  }

  /**
   * Publishes a message to a stream, with a header that makes it one for a stream, and waits until it is kept.
   *
   * @throws StaleRevisionException if the header names another last sequence than there is
   * @throws IllegalArgumentException if JetStream never takes such a message, for another of its headers
   * @throws BrokerException if it is not kept; {@code NO_RESPONDERS} if no stream takes the subject; {@code TIMEOUT} also if
   *     what answers is no stream, beside which there may be one that keeps it
   */
  Appended publish(BrokerMessage message, Duration timeout) {
    BrokerMessage reply = transport.request(message, timeout);
    JsonNode answer = ErrorReply.from(reply) == null ? read(reply) : JSON.missingNode();
    JsonNode error = answer.path("error");
    if (error.path("err_code").isInt()) {
      throw refusal(message, error);
    }
    String stream = answer.path("stream").stringValue("");
    long sequence = answer.path("seq").longValue(0);
    boolean duplicate = answer.path("duplicate").booleanValue(false);
    if (duplicate && sequence == 0 && !stream.isEmpty()) { // of a cluster up to 2.11; later versions answer with an error
      throw new BrokerException(Reason.BROKER_UNAVAILABLE, "another message with the same id is about to be kept");
    }
    if (!error.isMissingNode() || stream.isEmpty() || sequence <= 0) {
      throw new BrokerException(Reason.TIMEOUT, "what answers on " + message.subject()
          + " is no stream: whether one keeps the message is unknown");
    }
    return new Appended(stream, sequence, duplicate);
  }

  private static RuntimeException refusal(BrokerMessage message, JsonNode error) {
    String why = description(error);
    return switch (code(error)) {
      case WRONG_LAST_SEQUENCE, WRONG_LAST_SEQUENCE_UNKNOWN -> new StaleRevisionException(message.subject());
      case NO_ROOM, NO_ROOM_IN_ACCOUNT, LIMIT_OF_ACCOUNT ->
          new BrokerException(Reason.OVERLOADED, "there is no room for more: " + why);
      case TOO_LARGE -> new BrokerException(Reason.PAYLOAD_TOO_LARGE, why);
      default -> error.path("code").asInt() == BAD_REQUEST && code(error) != SEALED
          ? new IllegalArgumentException("JetStream does not take it: " + why)
          : new BrokerException(Reason.BROKER_UNAVAILABLE, "JetStream does not take it: " + why);
    };
  }

  private static JsonNode read(BrokerMessage answer) {
    try {
      return JSON.readTree(answer.body());
    } catch (JacksonException e) {
      return JSON.missingNode();
    }
  }
}
