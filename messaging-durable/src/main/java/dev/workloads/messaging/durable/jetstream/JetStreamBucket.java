package dev.workloads.messaging.durable.jetstream;

import dev.workloads.messaging.BrokerException;
import dev.workloads.messaging.BrokerException.Reason;
import dev.workloads.messaging.BrokerMessage;
import dev.workloads.messaging.Subjects;
import dev.workloads.messaging.durable.Deadline;
import dev.workloads.messaging.durable.StaleRevisionException;
import java.time.Duration;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * The messages of a key-value bucket (ADR-8), the last one under each key. Blocks no longer than the timeouts; safe for use by
 * many threads; throws {@code NO_RESPONDERS} where the bucket is missing.
 */
final class JetStreamBucket {

  static final long ANY_REVISION = -1;

  private static final String WRITE_ID = "Write-Id"; // by which who wrote a value finds it again
  // How long one server may take to answer, before another is asked; no more than half of the time that there is
  private static final Duration LONGEST_ANSWER = Duration.ofSeconds(1);
  private static final long FIRST_PAUSE_NANOS = TimeUnit.MILLISECONDS.toNanos(50);
  private static final long LONGEST_PAUSE_NANOS = TimeUnit.SECONDS.toNanos(1);

  private final JetStreamApi api;
  private final String name;
  private final long withoutDirectGetsNanos;
  private final String writer = UUID.randomUUID() + "-";
  private final AtomicLong lastWrite = new AtomicLong();
  private volatile long nextDirectGetAt = System.nanoTime();

  /**
   * Creates the access to a bucket.
   *
   * @param withoutDirectGets how long no server is asked directly after none has answered
   */
  JetStreamBucket(JetStreamApi api, String name, Duration withoutDirectGets) {
    this.api = api;
    this.name = name;
    this.withoutDirectGetsNanos = withoutDirectGets.toNanos();
  }

  /** Returns the subject of a key. */
  String subject(String key) {
    return Subjects.KEY_VALUES + name + "." + key;
  }

  /** Asks the leader of the bucket's servers. */
  @Nullable StreamMessage last(String key, Duration timeout) {
    return api.message("KV_" + name, Map.of("last_by_subj", subject(key)), timeout);
  }

  /**
   * Asks any of the bucket's servers (ADR-31). The server may be behind, so the leader may have what this one lacks. No server
   * answers where the bucket does not allow it, and none where the bucket is missing.
   */
  @Nullable StreamMessage recent(String key, Duration timeout) {
    if (System.nanoTime() - nextDirectGetAt < 0) {
      return null;
    }
    try {
      return StreamMessage.ofDirectGet(api.transport().request(new BrokerMessage(
          JetStreamApi.PREFIX + "DIRECT.GET.KV_" + name + "." + subject(key), new byte[0]), longestAnswer(timeout)));
    } catch (BrokerException e) {
      if (e.reason() == Reason.NO_RESPONDERS || e.reason() == Reason.TIMEOUT) { // nats-server 2.9 gives no answer at all
        nextDirectGetAt = System.nanoTime() + withoutDirectGetsNanos;
      }
      return null;
    }
  }

  private static Duration longestAnswer(Duration timeout) {
    return Collections.min(List.of(timeout.dividedBy(2), LONGEST_ANSWER));
  }

  /** Writes a message under a key, which has the revision or {@link #ANY_REVISION}; returns the new one. */
  long write(String key, BrokerMessage message, long revision, Duration timeout) {
    Deadline deadline = Deadline.after(timeout);
    String writeId = writer + lastWrite.incrementAndGet();
    BrokerMessage marked = message.withHeader(WRITE_ID, writeId);
    try {
      return api.publish(revision == ANY_REVISION ? marked : marked.withHeader("Nats-Expected-Last-Subject-Sequence",
          Long.toString(revision)), longestAnswer(timeout)).sequence();
    } catch (BrokerException e) {
      if (e.reason() != Reason.TIMEOUT) {
        throw e;
      }
      return outcome(key, writeId, revision, deadline);
    }
  }

  /**
   * Returns the revision of a write that nobody has answered yet, once the leader has it. Only the leader tells: where the bucket
   * is missing, a write reaches the watchers of its key, which do not answer. While a leader is elected, nobody may tell.
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
}
