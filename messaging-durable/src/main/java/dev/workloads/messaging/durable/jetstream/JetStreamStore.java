package dev.workloads.messaging.durable.jetstream;

import dev.workloads.messaging.BrokerException;
import dev.workloads.messaging.BrokerException.Reason;
import dev.workloads.messaging.BrokerMessage;
import dev.workloads.messaging.MessageTransport;
import dev.workloads.messaging.MessageTransport.SubscribeOptions;
import dev.workloads.messaging.durable.Deadline;
import dev.workloads.messaging.durable.DurableStore;
import dev.workloads.messaging.durable.JobQueue;
import dev.workloads.messaging.durable.StaleRevisionException;
import dev.workloads.messaging.durable.StoredValue;
import dev.workloads.messaging.durable.operations.StoreOperations;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.BiConsumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Keeps values in a key-value bucket of JetStream (ADR-8), and jobs in streams that are work queues. Asks for no more rights
 * than it uses: nothing of it creates or describes a stream.
 */
public final class JetStreamStore implements DurableStore {

  private static final String MESSAGE_ID = "Nats-Msg-Id";
  private static final SubscribeOptions WAKE_UP =
      new SubscribeOptions(true, "clients that wait for a task look for its end once a second");
  private static final Duration WITHOUT_DIRECT_GETS = Duration.ofSeconds(10);

  private final JetStreamApi api;
  private final JetStreamBucket values;
  private final String bucket;
  private final Duration retention;
  private final String inboxPrefix;
  private final @Nullable JetStreamProvisioner provisioner;

  /**
   * Creates a store.
   *
   * @param bucket the name of the bucket
   * @param retention how long the bucket keeps a value that is not written again
   * @param inboxPrefix the prefix of the subjects that jobs may be handed out on
   * @param provisioner what creates the streams, which no job is pulled before, or {@code null} if somebody else does
   */
  public JetStreamStore(MessageTransport transport, String bucket, Duration retention, String inboxPrefix,
      @Nullable JetStreamProvisioner provisioner) {
    this.api = new JetStreamApi(transport);
    this.values = new JetStreamBucket(api, bucket, WITHOUT_DIRECT_GETS);
    this.bucket = bucket;
    this.retention = retention;
    this.inboxPrefix = inboxPrefix;
    this.provisioner = provisioner;
  }

  @Override
  public Duration retention() {
    return retention;
  }

  @Override
  public @Nullable StoredValue read(String key, boolean latest, Duration timeout) {
    Deadline deadline = Deadline.after(timeout);
    StreamMessage found = latest ? null : values.recent(key, timeout);
    if (found == null || found.isMarker()) {
      found = inBucket(() -> values.last(key, deadline.remaining()));
    }
    return found == null || found.isMarker() ? null : found.value();
  }

  @Override
  public long compareAndSet(String key, byte[] value, long revision, Duration timeout) {
    Deadline deadline = Deadline.after(timeout);
    BrokerMessage message = new BrokerMessage(values.subject(key), value);
    return inBucket(() -> {
      try {
        return values.write(key, message, revision, timeout);
      } catch (StaleRevisionException e) {
        StreamMessage last = revision == 0 ? values.last(key, deadline.remaining()) : null;
        if (last == null || !last.isMarker()) {
          throw e;
        }
        return values.write(key, message, last.sequence(), deadline.remaining());
      }
    });
  }

  @Override
  public void put(String key, byte[] value, @Nullable String contentType, Duration timeout) {
    BrokerMessage message = new BrokerMessage(values.subject(key), value).withHeader(MESSAGE_ID, key);
    inBucket(() -> values.write(key, contentType == null ? message : message.withHeader(BrokerMessage.CONTENT_TYPE, contentType),
        JetStreamBucket.ANY_REVISION, timeout));
  }

  @Override
  public void delete(String key, long revision, Duration timeout) {
    inBucket(() -> values.write(key,
        new BrokerMessage(values.subject(key), new byte[0]).withHeader("KV-Operation", "DEL"), revision, timeout));
  }

  private <T> T inBucket(Supplier<T> operation) {
    try {
      return operation.get();
    } catch (BrokerException e) {
      prepareAgainIfMissing(e);
      throw e.reason() == Reason.NO_RESPONDERS ? new BrokerException(Reason.BROKER_UNAVAILABLE,
          "the bucket " + bucket + " is not there, or " + JetStreamApi.OFF, e) : e;
    }
  }

  private void prepareAgainIfMissing(BrokerException e) {
    if (e.reason() == Reason.NO_RESPONDERS && provisioner != null) {
      provisioner.provisionAgain();
    }
  }

  @Override
  public Watch watch(BiConsumer<String, byte[]> listener) {
    int prefix = values.subject("").length();
    return api.transport().subscribe(List.of(values.subject("*")), null, WAKE_UP,
        (message, replies) -> listener.accept(message.subject().substring(prefix), message.body()))::close;
  }

  @Override
  public void requireAppendable(BrokerMessage message, String id) {
    message.withHeader(MESSAGE_ID, id).requireSendable(api.transport().maxPayload());
  }

  @Override
  public Appended append(BrokerMessage message, String id, Duration timeout) {
    try {
      return api.publish(message.withHeader(MESSAGE_ID, id), timeout);
    } catch (BrokerException e) {
      prepareAgainIfMissing(e);
      throw e;
    }
  }

  @Override
  public boolean contains(Appended place, BrokerMessage message, Duration timeout) {
    StreamMessage found = api.message(place.queue(), Map.of("seq", place.sequence()), timeout);
    return found != null && found.message().subject().equals(message.subject())
        && Arrays.equals(found.message().body(), message.body());
  }

  /** Returns what this store tells and does for operators. */
  public StoreOperations operations() {
    return new JetStreamOperations(api, bucket, inboxPrefix);
  }

  @Override
  public JobQueue open(String group, List<String> subjects, Duration lease) {
    return new JetStreamJobQueue(api, group, inboxPrefix, provisioner);
  }
}
