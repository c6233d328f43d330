package dev.workloads.messaging.durable.jetstream;

import dev.workloads.messaging.BrokerException;
import dev.workloads.messaging.BrokerException.Reason;
import dev.workloads.messaging.BrokerMessage;
import dev.workloads.messaging.MessageTransport.SubscribeOptions;
import dev.workloads.messaging.MessageTransport.Subscription;
import dev.workloads.messaging.durable.Deadline;
import dev.workloads.messaging.durable.operations.DeadLetter;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * Reads the headers of a stream's messages, and no payloads: by a consumer of each reading's own, which the server deletes once
 * it is not asked for five seconds. Safe for use by many threads.
 */
final class JetStreamLetters {

  private static final Duration INACTIVE = Duration.ofSeconds(5);
  private static final SubscribeOptions SCAN = new SubscribeOptions(true, "dead letters cannot be listed, counted or put back");
  private static final String SIZE = "Nats-Msg-Size"; // what the server says of a payload that it leaves out
  // As JetStreamJob's: <stream sequence>.<consumer sequence>.<time in nanoseconds>.<pending>
  private static final Pattern PLACE = Pattern.compile("\\$JS\\.ACK\\.(?:[^.]+\\.[^.]+\\.)?[^.]+\\.[^.]+"
      + "\\.\\d{1,18}\\.(\\d{1,18})\\.(\\d{1,18})\\.(\\d{1,19})\\.\\d+(?:\\.[^.]+)*");

  private final JetStreamApi api;
  private final String stream;
  private final String inboxPrefix;

  JetStreamLetters(JetStreamApi api, String stream, String inboxPrefix) {
    this.api = api;
    this.stream = stream;
    this.inboxPrefix = inboxPrefix;
  }

  /** Returns the first letters above a sequence; blocks no longer than the timeout. */
  List<DeadLetter> read(long after, int max, Duration timeout) {
    Deadline deadline = Deadline.after(timeout);
    String inbox = inboxPrefix + "." + UUID.randomUUID();
    BlockingQueue<BrokerMessage> arrived = new LinkedBlockingQueue<>(); // no more than were asked for
    try (Subscription ignored = api.transport().subscribe(List.of(inbox), null, SCAN, (message, replies) -> arrived.add(message))) {
      JsonNode consumer = createConsumer(after, deadline.remaining());
      long expected = Math.min(max, consumer.path("num_pending").asLong(0));
      if (expected == 0) {
        return List.of();
      }
      api.transport().publish(new BrokerMessage(JetStreamApi.PREFIX + "CONSUMER.MSG.NEXT." + stream + "."
          + consumer.path("name").asString(""), JetStreamApi.json(Map.of("batch", expected, "no_wait", true)), inbox, Map.of()));
      return take(arrived, expected, deadline);
    }
  }

  private JsonNode createConsumer(long after, Duration timeout) {
    String operation = "CONSUMER.CREATE." + stream;
    JsonNode answer = api.ask(operation, Map.of("stream_name", stream, "config", Map.of("deliver_policy", "by_start_sequence",
        "opt_start_seq", after + 1, "ack_policy", "none", "max_deliver", 1, "headers_only", true, "inactive_threshold",
        INACTIVE.toNanos())), timeout);
    JsonNode error = JetStreamApi.error(answer);
    if (error != null) {
      throw JetStreamOperations.refused(operation, error);
    }
    return answer;
  }

  // What is lost on its way leaves a gap in the consumer's numbers: the next reading goes on there
  private List<DeadLetter> take(BlockingQueue<BrokerMessage> arrived, long expected, Deadline deadline) {
    List<DeadLetter> letters = new ArrayList<>();
    BrokerMessage next = null;
    while (letters.size() < expected && (next = poll(arrived, deadline)) != null) {
      Matcher place = PLACE.matcher(String.valueOf(next.replyTo()));
      if (!place.matches()) {
        break; // the server's word that there are no more
      }
      long number = Long.parseLong(place.group(2));
      if (number > letters.size() + 1) {
        break;
      } else if (number == letters.size() + 1) { // and not the same once more, over another connection
        letters.add(letter(next, place));
      }
    }
    if (letters.isEmpty()) {
      throw new BrokerException(Reason.TIMEOUT, "the messages of " + stream + " did not arrive; the right to publish to "
          + JetStreamApi.PREFIX + "CONSUMER.MSG.NEXT." + stream + ".* may be missing");
    }
    return letters;
  }

  private static @Nullable BrokerMessage poll(BlockingQueue<BrokerMessage> arrived, Deadline deadline) {
    try {
      return arrived.poll(deadline.nanoTime() - System.nanoTime(), TimeUnit.NANOSECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new BrokerException(Reason.TIMEOUT, "interrupted while waiting for dead letters", e);
    }
  }

  private static DeadLetter letter(BrokerMessage message, Matcher place) {
    long nanos = Long.parseLong(place.group(3));
    String size = String.valueOf(message.header(SIZE));
    return DeadLetter.of(message, Long.parseLong(place.group(1)),
        Instant.ofEpochSecond(0, nanos), size.matches("\\d{1,18}") ? Long.parseLong(size) : 0);
  }
}
