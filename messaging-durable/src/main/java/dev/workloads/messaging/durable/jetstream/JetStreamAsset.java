package dev.workloads.messaging.durable.jetstream;

import dev.workloads.messaging.Subjects;
import dev.workloads.messaging.durable.JobSettings;
import dev.workloads.messaging.durable.Jobs;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * A stream or consumer that durable tasks need.
 *
 * @param name what it is and what it is called, for people
 * @param inquiry the operation that describes it
 * @param creation the operation that creates it
 * @param change the operation that changes it
 * @param missing the error code of the inquiry where it is not there
 * @param stream the stream that it belongs to, or {@code null} if it is one
 * @param configuration what the settings want it to be
 */
record JetStreamAsset(String name, String inquiry, String creation, String change, int missing, @Nullable String stream,
    Map<String, Object> configuration) {

  private static final int NO_STREAM = 10059;
  private static final int NO_CONSUMER = 10014;
  private static final Duration DUPLICATE_WINDOW = Duration.ofMinutes(2); // the server's own

  /** Returns the name of the stream with a group's jobs; the consumer of it is called as the group. */
  static String queueOf(String group) {
    return "JOBS_" + group;
  }

  /** Returns all that is needed, in the order of creation. */
  static List<JetStreamAsset> all(String bucket, JetStreamLimits limits, @Nullable JobSettings worker) {
    return worker == null ? List.of(bucket(bucket, limits))
        : List.of(bucket(bucket, limits), deadLetters(limits), queue(worker, limits), consumer(worker));
  }

  /** As clients of all languages create a bucket with a history of one. */
  private static JetStreamAsset bucket(String bucket, JetStreamLimits limits) {
    return stream("KV_" + bucket, limits, Map.of("subjects", List.of(Subjects.KEY_VALUES + bucket + ".>"), "retention", "limits",
        "discard", "new", "max_age", limits.retention().toNanos(), "max_msgs_per_subject", 1, "allow_rollup_hdrs", true,
        "deny_delete", true, "allow_direct", true));
  }

  private static JetStreamAsset deadLetters(JetStreamLimits limits) {
    return stream(queueOf("DEAD"), limits, Map.of("subjects", List.of(Jobs.DEAD_LETTER_PREFIX + ">"),
        "retention", "limits", "discard", "old"));
  }

  private static JetStreamAsset queue(JobSettings worker, JetStreamLimits limits) {
    return stream(queueOf(worker.group()), limits, Map.of("subjects", worker.subjects(),
        "retention", "workqueue", "discard", "new", "max_msgs", limits.maxJobs(), "max_age", 0));
  }

  private static JetStreamAsset stream(String name, JetStreamLimits limits, Map<String, Object> particulars) {
    Map<String, Object> configuration = new TreeMap<>(particulars);
    configuration.put("name", name);
    configuration.put("storage", "file");
    configuration.put("max_bytes", limits.maxBytes());
    configuration.put("num_replicas", limits.replicas());
    // No longer than an entry is kept: its key is free then, and the id of its job must be free too
    configuration.put("duplicate_window",
        Stream.of(limits.retention(), DUPLICATE_WINDOW).min(Duration::compareTo).orElseThrow().toNanos());
    return new JetStreamAsset("stream " + name, "STREAM.INFO." + name, "STREAM.CREATE." + name, "STREAM.UPDATE." + name,
        NO_STREAM, null, configuration);
  }

  private static JetStreamAsset consumer(JobSettings worker) {
    String stream = queueOf(worker.group());
    String name = worker.group();
    String creation = "CONSUMER.DURABLE.CREATE." + stream + "." + name; // changes what may change if the consumer is there
    return new JetStreamAsset("consumer " + name, "CONSUMER.INFO." + stream + "." + name, creation, creation, NO_CONSUMER,
        stream, new TreeMap<>(Map.of("durable_name", name, "deliver_policy", "all", "ack_policy", "explicit",
            "ack_wait", worker.lease().toNanos(), "max_deliver", -1, "max_ack_pending", -1, "replay_policy", "instant",
            "filter_subject", "", "filter_subjects", List.of())));
  }

  /** Returns the body of a request that gives it a configuration. */
  Object request(Object given) {
    return stream == null ? given : Map.of("stream_name", stream, "config", given);
  }
}
