package dev.workloads.messaging.durable.jetstream;

import dev.workloads.messaging.BrokerException;
import dev.workloads.messaging.BrokerException.Reason;
import dev.workloads.messaging.BrokerMessage;
import dev.workloads.messaging.MessageTransport;
import dev.workloads.messaging.durable.Deadline;
import dev.workloads.messaging.durable.DurableStore;
import dev.workloads.messaging.durable.JobQueue;
import dev.workloads.messaging.durable.StaleRevisionException;
import dev.workloads.messaging.durable.StoredValue;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.Instant;
import java.time.format.DateTimeParseException;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.function.BiConsumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * Keeps values in a key-value bucket of JetStream (ADR-8), and jobs in streams that are work queues. Asks for no more rights
 * than it uses: nothing of it creates or describes a stream.
 */
public final class JetStreamStore implements DurableStore {

  private static final String MESSAGE_ID = "Nats-Msg-Id";
  private static final String EXPECTED_REVISION = "Nats-Expected-Last-Subject-Sequence";
  private static final String OPERATION = "KV-Operation";
  private static final String DELETED = "DEL";
  private static final String CONTENT_TYPE = "Content-Type";
  private static final int NO_MESSAGE = 10037;
  private static final int NO_STREAM = 10059;

  private final JetStreamApi api;
  private final String bucket;
  private final String inboxPrefix;
  private final @Nullable JetStreamProvisioner provisioner;

  /**
   * Creates a store.
   *
   * @param bucket the name of the bucket
   * @param inboxPrefix the prefix of the subjects that jobs may be handed out on
   * @param provisioner what creates the streams, which no job is pulled before, or {@code null} if somebody else does
   */
  public JetStreamStore(MessageTransport transport, String bucket, String inboxPrefix,
      @Nullable JetStreamProvisioner provisioner) {
    this.provisioner = provisioner;
    this.api = new JetStreamApi(transport);
    this.bucket = bucket;
    this.inboxPrefix = inboxPrefix;
  }

  private String subject(String key) {
    return "$KV." + bucket + "." + key;
  }

  @Override
  public @Nullable StoredValue read(String key, boolean latest, Duration timeout) {
    Deadline deadline = Deadline.after(timeout);
    StoredValue found = latest ? null : readFromAny(key, timeout); // which may be behind
    return found == null ? readFromLeader(key, deadline.remaining()) : found;
  }

  /** Asks any server that has the bucket (ADR-31); it answers with the message itself. */
  private @Nullable StoredValue readFromAny(String key, Duration timeout) {
    BrokerMessage found = inBucket(() -> api.transport().request(
        new BrokerMessage(JetStreamApi.PREFIX + "DIRECT.GET.KV_" + bucket + "." + subject(key), new byte[0]), timeout));
    String sequence = found.header("Nats-Sequence");
    String time = found.header("Nats-Time-Stamp");
    if (sequence == null || time == null || found.header(OPERATION) != null) {
      return null;
    }
    return new StoredValue(found.body(), found.header(CONTENT_TYPE), Long.parseLong(sequence), instant(time));
  }

  private @Nullable StoredValue readFromLeader(String key, Duration timeout) {
    JsonNode message = lastMessage(key, timeout);
    return message == null || isDeletion(message) ? null : new StoredValue(decoded(message, "data"),
        header(message, CONTENT_TYPE), message.path("seq").asLong(), instant(message.path("time").asString("")));
  }

  private @Nullable JsonNode lastMessage(String key, Duration timeout) {
    JsonNode answer = api.ask("STREAM.MSG.GET.KV_" + bucket, Map.of("last_by_subj", subject(key)), timeout);
    JsonNode error = JetStreamApi.error(answer);
    if (error == null) {
      return answer.path("message");
    }
    if (error.path("err_code").asInt() == NO_MESSAGE) {
      return null;
    }
    return inBucket(() -> {
      throw new BrokerException(error.path("err_code").asInt() == NO_STREAM ? Reason.NO_RESPONDERS
          : Reason.BROKER_UNAVAILABLE, "the bucket " + bucket + " cannot be read: " + error.path("description").asString(""));
    });
  }

  private static boolean isDeletion(JsonNode message) {
    return header(message, OPERATION) != null;
  }

  private static byte[] decoded(JsonNode message, String name) {
    return Base64.getDecoder().decode(message.path(name).asString(""));
  }

  private static @Nullable String header(JsonNode message, String name) {
    return new String(decoded(message, "hdrs"), StandardCharsets.UTF_8).lines()
        .filter(line -> line.regionMatches(true, 0, name + ":", 0, name.length() + 1))
        .map(line -> line.substring(name.length() + 1).strip()).findFirst().orElse(null);
  }

  private static Instant instant(String time) {
    try {
      return Instant.parse(time);
    } catch (DateTimeParseException e) {
      throw new BrokerException(Reason.BROKER_UNAVAILABLE, "the answer of JetStream cannot be read", e);
    }
  }

  @Override
  public long compareAndSet(String key, byte[] value, long revision, Duration timeout) {
    Deadline deadline = Deadline.after(timeout);
    BrokerMessage message = message(key, value);
    try {
      return write(replacing(message, revision), timeout);
    } catch (StaleRevisionException e) {
      JsonNode last = revision == 0 ? lastMessage(key, deadline.remaining()) : null;
      if (last == null || !isDeletion(last)) {
        throw e;
      }
      return write(replacing(message, last.path("seq").asLong()), deadline.remaining()); // the mark that somebody deleted it
    }
  }

  private static BrokerMessage replacing(BrokerMessage message, long revision) {
    return message.withHeader(EXPECTED_REVISION, Long.toString(revision));
  }

  @Override
  public void put(String key, byte[] value, @Nullable String contentType, Duration timeout) {
    BrokerMessage message = message(key, value).withHeader(MESSAGE_ID, key);
    write(contentType == null ? message : message.withHeader(CONTENT_TYPE, contentType), timeout);
  }

  @Override
  public void delete(String key, long revision, Duration timeout) {
    write(replacing(message(key, new byte[0]).withHeader(OPERATION, DELETED), revision), timeout);
  }

  private BrokerMessage message(String key, byte[] value) {
    return new BrokerMessage(subject(key), value);
  }

  private long write(BrokerMessage message, Duration timeout) {
    return inBucket(() -> api.publish(message, timeout));
  }

  private <T> T inBucket(Supplier<T> operation) {
    try {
      return operation.get();
    } catch (BrokerException e) {
      prepareAgainIfMissing(e);
      throw e.reason() == Reason.NO_RESPONDERS ? new BrokerException(Reason.BROKER_UNAVAILABLE,
          "the bucket " + bucket + " is not there, or JetStream is off", e) : e;
    }
  }

  private void prepareAgainIfMissing(BrokerException e) {
    if (e.reason() == Reason.NO_RESPONDERS && provisioner != null) {
      provisioner.provisionAgain();
    }
  }

  @Override
  public Watch watch(BiConsumer<String, byte[]> listener) {
    MessageTransport.Subscription subscription = api.transport().subscribeOverlapping(List.of(subject("*")),
        (message, replies) -> listener.accept(message.subject().substring(subject("").length()), message.body()));
    return subscription::close;
  }

  @Override
  public void append(BrokerMessage message, String id, Duration timeout) {
    try {
      api.publish(message.withHeader(MESSAGE_ID, id), timeout);
    } catch (BrokerException e) {
      prepareAgainIfMissing(e);
      throw e;
    }
  }

  @Override
  public JobQueue open(String group, List<String> subjects, Duration lease) {
    return new JetStreamJobQueue(api, group, inboxPrefix, provisioner);
  }
}
