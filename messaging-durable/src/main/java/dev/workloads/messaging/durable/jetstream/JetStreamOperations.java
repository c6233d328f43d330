package dev.workloads.messaging.durable.jetstream;

import dev.workloads.messaging.BrokerException;
import dev.workloads.messaging.BrokerException.Reason;
import dev.workloads.messaging.BrokerMessage;
import dev.workloads.messaging.durable.Deadline;
import dev.workloads.messaging.durable.operations.DeadLetter;
import dev.workloads.messaging.durable.operations.StoreOperations;
import java.time.DateTimeException;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/** What JetStream tells of its streams, and does with the one that keeps dead letters. */
final class JetStreamOperations implements StoreOperations {

  private static final String DEAD = JetStreamAsset.queueOf("DEAD");

  private final JetStreamApi api;
  private final String bucket;
  private final JetStreamLetters letters;

  JetStreamOperations(JetStreamApi api, String bucket, String inboxPrefix) {
    this.api = api;
    this.bucket = "KV_" + bucket;
    this.letters = new JetStreamLetters(api, DEAD, inboxPrefix);
  }

  @Override
  public List<String> groups(Duration timeout) {
    String prefix = JetStreamAsset.queueOf("");
    return ask("STREAM.NAMES", Map.of("subject", "jobs.>"), timeout).path("streams").valueStream()
        .map(name -> name.asString("")).filter(name -> name.startsWith(prefix)).map(name -> name.substring(prefix.length()))
        .sorted().limit(1000).toList();
  }

  @Override
  public Queue queue(String group, Duration timeout) {
    Deadline deadline = Deadline.after(timeout);
    String stream = JetStreamAsset.queueOf(group);
    JsonNode info = ask("STREAM.INFO." + stream, Map.of(), deadline.remaining());
    JsonNode consumer = ask("CONSUMER.INFO." + stream + "." + group, Map.of(), deadline.remaining());
    Room room = room(info);
    return new Queue(consumer.path("num_pending").asLong(0), consumer.path("num_ack_pending").asLong(0),
        oldest(info.path("state")), room.bytes(), room.maxBytes());
  }

  private static @Nullable Instant oldest(JsonNode state) {
    try {
      return state.path("messages").asLong(0) == 0 ? null : Instant.parse(state.path("first_ts").asString(""));
    } catch (DateTimeException e) {
      throw new BrokerException(Reason.BROKER_UNAVAILABLE, JetStreamApi.UNREADABLE, e);
    }
  }

  @Override
  public Room bucket(Duration timeout) {
    return room(ask("STREAM.INFO." + bucket, Map.of(), timeout));
  }

  private static Room room(JsonNode info) {
    return new Room(info.path("state").path("bytes").asLong(0), info.path("config").path("max_bytes").asLong(0));
  }

  @Override
  public LetterBox letterBox(Duration timeout) {
    JsonNode state = ask("STREAM.INFO." + DEAD, Map.of(), timeout).path("state");
    return new LetterBox(state.path("first_seq").asLong(0), state.path("last_seq").asLong(0), state.path("messages").asLong(0));
  }

  @Override
  public List<DeadLetter> letters(long after, int max, Duration timeout) {
    return letters.read(after, max, timeout);
  }

  @Override
  public @Nullable BrokerMessage letter(long sequence, Duration timeout) {
    StreamMessage found = api.message(DEAD, Map.of("seq", sequence), timeout);
    return found == null ? null : found.message();
  }

  @Override
  public void deleteLetter(long sequence, Duration timeout) {
    Deadline deadline = Deadline.after(timeout);
    JsonNode answer = api.ask("STREAM.MSG.DELETE." + DEAD, Map.of("seq", sequence, "no_erase", true), deadline.remaining());
    JsonNode error = JetStreamApi.error(answer);
    // Servers differ in the error for a message that is not there
    if (error != null && letter(sequence, deadline.remaining()) != null) {
      throw refused("STREAM.MSG.DELETE." + DEAD, error);
    }
  }

  private JsonNode ask(String operation, Object request, Duration timeout) {
    JsonNode answer = api.ask(operation, request, timeout);
    JsonNode error = JetStreamApi.error(answer);
    if (error != null) {
      throw refused(operation, error);
    }
    return answer;
  }

  static BrokerException refused(String operation, JsonNode error) {
    return new BrokerException(Reason.BROKER_UNAVAILABLE, "JetStream refuses " + operation + ": "
        + error.path("description").asString("without a reason"));
  }
}
