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
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BiConsumer;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Keeps values in a key-value bucket of JetStream (ADR-8), and jobs in streams that are work queues. Asks for no more rights
 * than it uses: nothing of it creates or describes a stream.
 */
public final class JetStreamStore implements DurableStore {

  private static final String MESSAGE_ID = "Nats-Msg-Id";
  private static final String EXPECTED_REVISION = "Nats-Expected-Last-Subject-Sequence";
  private static final String CONTENT_TYPE = "Content-Type";
  private static final String WRITE_ID = "Write-Id"; // by which who wrote a value finds it again
  private static final SubscribeOptions WAKE_UP =
      new SubscribeOptions(true, "clients that wait for a task look for its end once a second");
  private static final long ANY_REVISION = -1;
  // How long one server may take to answer, before another is asked; no more than half of the time that there is
  private static final Duration LONGEST_ANSWER = Duration.ofSeconds(1);
  private static final long FIRST_PAUSE_NANOS = TimeUnit.MILLISECONDS.toNanos(50);
  private static final long LONGEST_PAUSE_NANOS = TimeUnit.SECONDS.toNanos(1);
  private static final long WITHOUT_DIRECT_GETS_NANOS = TimeUnit.SECONDS.toNanos(10);

  private final JetStreamApi api;
  private final String bucket;
  private final Duration retention;
  private final String inboxPrefix;
  private final @Nullable JetStreamProvisioner provisioner;
  private final String writer = UUID.randomUUID() + "-";
  private final AtomicLong lastWrite = new AtomicLong();
  private volatile long nextDirectGetAt = System.nanoTime();

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
    this.provisioner = provisioner;
    this.api = new JetStreamApi(transport);
    this.bucket = bucket;
    this.retention = retention;
    this.inboxPrefix = inboxPrefix;
  }

  @Override
  public Duration retention() {
    return retention;
  }

  private String subject(String key) {
    return "$KV." + bucket + "." + key;
  }

  @Override
  public @Nullable StoredValue read(String key, boolean latest, Duration timeout) {
    Deadline deadline = Deadline.after(timeout);
    StreamMessage found = latest ? null : readFromAny(key, timeout);
    if (found == null) {
      found = inBucket(() -> last(key, deadline.remaining()));
    }
    return found == null || found.isMarker() ? null : found.value();
  }

  /**
   * Asks any server that has the bucket (ADR-31). It may be behind, so what it lacks the leader may have; the bucket may not
   * allow it, or be missing, which looks alike.
   */
  private @Nullable StreamMessage readFromAny(String key, Duration timeout) {
    if (System.nanoTime() - nextDirectGetAt < 0) {
      return null;
    }
    try {
      StreamMessage found = StreamMessage.ofDirectGet(api.transport().request(new BrokerMessage(
          JetStreamApi.PREFIX + "DIRECT.GET.KV_" + bucket + "." + subject(key), new byte[0]), longestAnswer(timeout)));
      return found == null || found.isMarker() ? null : found;
    } catch (BrokerException e) {
      if (e.reason() == Reason.NO_RESPONDERS) {
        nextDirectGetAt = System.nanoTime() + WITHOUT_DIRECT_GETS_NANOS;
      }
      return null;
    }
  }

  private @Nullable StreamMessage last(String key, Duration timeout) {
    return api.message("KV_" + bucket, Map.of("last_by_subj", subject(key)), timeout);
  }

  private static Duration longestAnswer(Duration timeout) {
    Duration half = timeout.dividedBy(2);
    return half.compareTo(LONGEST_ANSWER) < 0 ? half : LONGEST_ANSWER;
  }

  @Override
  public long compareAndSet(String key, byte[] value, long revision, Duration timeout) {
    Deadline deadline = Deadline.after(timeout);
    BrokerMessage message = new BrokerMessage(subject(key), value);
    try {
      return write(key, message, revision, timeout);
    } catch (StaleRevisionException e) {
      StreamMessage last = revision == 0 ? inBucket(() -> last(key, deadline.remaining())) : null;
      if (last == null || !last.isMarker()) {
        throw e;
      }
      return write(key, message, last.sequence(), deadline.remaining());
    }
  }

  @Override
  public void put(String key, byte[] value, @Nullable String contentType, Duration timeout) {
    BrokerMessage message = new BrokerMessage(subject(key), value).withHeader(MESSAGE_ID, key);
    write(key, contentType == null ? message : message.withHeader(CONTENT_TYPE, contentType), ANY_REVISION, timeout);
  }

  @Override
  public void delete(String key, long revision, Duration timeout) {
    write(key, new BrokerMessage(subject(key), new byte[0]).withHeader("KV-Operation", "DEL"), revision, timeout);
  }

  private long write(String key, BrokerMessage message, long revision, Duration timeout) {
    Deadline deadline = Deadline.after(timeout);
    String writeId = writer + lastWrite.incrementAndGet();
    BrokerMessage marked = message.withHeader(WRITE_ID, writeId);
    try {
      return inBucket(() -> api.publish(revision == ANY_REVISION ? marked
          : marked.withHeader(EXPECTED_REVISION, Long.toString(revision)), longestAnswer(timeout))).sequence();
    } catch (BrokerException e) {
      if (e.reason() != Reason.TIMEOUT) {
        throw e;
      }
      return inBucket(() -> outcome(key, writeId, revision, deadline));
    }
  }

  /**
   * Returns the revision of a write that nobody has answered yet, once the leader has it. Where the bucket is missing, it is
   * the watchers of the key who do not answer: only the leader's servers tell. While one is elected, nobody may.
   */
  private long outcome(String key, String writeId, long revision, Deadline deadline) {
    for (long pause = FIRST_PAUSE_NANOS; ; pause = Math.min(2 * pause, LONGEST_PAUSE_NANOS)) {
      try {
        StreamMessage last = last(key, deadline.remaining());
        if (last != null && writeId.equals(last.message().header(WRITE_ID))) {
          return last.sequence();
        }
        if (revision != ANY_REVISION && revision != (last == null ? 0 : last.sequence())) {
          throw new StaleRevisionException(key);
        }
      } catch (BrokerException e) {
        if (e.reason() == Reason.NO_RESPONDERS || e.reason() == Reason.TIMEOUT) {
          throw e;
        }
      }
      LockSupport.parkNanos(pause); // an interrupt ends the next look
    }
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
    MessageTransport.Subscription subscription = api.transport().subscribe(List.of(subject("*")), null, WAKE_UP,
        (message, replies) -> listener.accept(message.subject().substring(subject("").length()), message.body()));
    return subscription::close;
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

  @Override
  public JobQueue open(String group, List<String> subjects, Duration lease) {
    return new JetStreamJobQueue(api, group, inboxPrefix, provisioner);
  }
}
