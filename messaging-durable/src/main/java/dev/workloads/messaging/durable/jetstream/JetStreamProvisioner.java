package dev.workloads.messaging.durable.jetstream;

import dev.workloads.messaging.BrokerException;
import dev.workloads.messaging.BrokerException.Reason;
import dev.workloads.messaging.MessageTransport;
import dev.workloads.messaging.durable.JobSettings;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.context.SmartLifecycle;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * Creates the bucket, and a worker's streams and consumer, where they are missing; changes nothing that is there, and says
 * what differs. Done by a thread of its own, which tries on until the broker lets it.
 */
public final class JetStreamProvisioner implements SmartLifecycle {

  private static final Logger log = LoggerFactory.getLogger(JetStreamProvisioner.class);
  private static final JsonMapper JSON = JsonMapper.shared();
  private static final Duration TIMEOUT = Duration.ofSeconds(5);
  private static final Duration PAUSE = Duration.ofSeconds(1);
  private static final int NO_STREAM = 10059;
  private static final int NO_CONSUMER = 10014;

  private final JetStreamApi api;
  private final String bucket;
  private final JetStreamLimits limits;
  private final @Nullable JobSettings worker;
  private final CountDownLatch provisioned = new CountDownLatch(1);
  private volatile @Nullable Thread thread;
  private volatile @Nullable String problem;

  /**
   * Creates a provisioner.
   *
   * @param worker the worker whose streams are wanted, or {@code null} if the bucket is enough
   */
  public JetStreamProvisioner(MessageTransport transport, String bucket, JetStreamLimits limits,
      @Nullable JobSettings worker) {
    this.api = new JetStreamApi(transport);
    this.bucket = bucket;
    this.limits = limits;
    this.worker = worker;
  }

  @Override
  public void start() {
    Thread started = new Thread(this::provisionInTheEnd, "jetstream-provisioner");
    started.setDaemon(true);
    thread = started;
    started.start();
  }

  private void provisionInTheEnd() {
    try {
      while (!provision()) {
        TimeUnit.NANOSECONDS.sleep(PAUSE.toNanos());
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt(); // by stop()
    }
  }

  /** Blocks until all is there. */
  public void awaitProvisioned() throws InterruptedException {
    provisioned.await();
  }

  /** Creates what is missing, if the broker lets it now; returns whether all is there. Blocks for the broker's answers. */
  boolean provision() {
    try {
      requireStream("KV_" + bucket, bucketConfiguration());
      if (worker != null) {
        String stream = JetStreamNames.stream(worker.group());
        requireStream(JetStreamNames.DEAD_LETTERS, deadLetterConfiguration());
        requireStream(stream, queueConfiguration(stream, worker.subjects()));
        requireConsumer(stream, JetStreamNames.consumer(worker.group()), worker.lease());
      }
      problem = null;
      provisioned.countDown();
      return true;
    } catch (BrokerException e) {
      String cause = String.valueOf(e.getMessage());
      if (!cause.equals(problem) && !Thread.currentThread().isInterrupted()) {
        log.warn("Cannot prepare JetStream for durable tasks, trying on: {}", cause);
      }
      problem = cause;
      return false;
    }
  }

  private void requireStream(String name, Map<String, Object> wanted) {
    JsonNode answer = api.ask("STREAM.INFO." + name, Map.of(), TIMEOUT);
    if (isMissing(answer, NO_STREAM)) {
      created("stream " + name, api.ask("STREAM.CREATE." + name, wanted, TIMEOUT));
    } else {
      sayWhatDiffers("stream " + name, wanted, answer.path("config"));
    }
  }

  private void requireConsumer(String stream, String name, Duration lease) {
    Map<String, Object> wanted = new LinkedHashMap<>();
    wanted.put("durable_name", name);
    wanted.put("deliver_policy", "all");
    wanted.put("ack_policy", "explicit");
    wanted.put("ack_wait", lease.toNanos());
    wanted.put("max_deliver", -1);
    wanted.put("max_ack_pending", -1);
    wanted.put("replay_policy", "instant");
    wanted.put("filter_subject", "");
    JsonNode answer = api.ask("CONSUMER.INFO." + stream + "." + name, Map.of(), TIMEOUT);
    if (isMissing(answer, NO_CONSUMER)) {
      created("consumer " + name, api.ask("CONSUMER.DURABLE.CREATE." + stream + "." + name,
          Map.of("stream_name", stream, "config", wanted), TIMEOUT));
    } else {
      sayWhatDiffers("consumer " + name, wanted, answer.path("config"));
    }
  }

  private static boolean isMissing(JsonNode answer, int code) {
    JsonNode error = JetStreamApi.error(answer);
    if (error != null && error.path("err_code").asInt() != code) {
      throw refused(error);
    }
    return error != null;
  }

  private static void created(String what, JsonNode answer) {
    JsonNode error = JetStreamApi.error(answer);
    if (error != null) {
      throw refused(error);
    }
    log.info("Created the JetStream {}", what);
  }

  private static BrokerException refused(JsonNode error) {
    return new BrokerException(Reason.BROKER_UNAVAILABLE, error.path("description").asString("refused"));
  }

  private static void sayWhatDiffers(String what, Map<String, Object> wanted, JsonNode there) {
    wanted.forEach((name, value) -> {
      JsonNode expected = JSON.valueToTree(value);
      JsonNode found = there.path(name);
      // The server leaves out what is zero or false
      if (!found.isMissingNode() && !found.toString().equals(expected.toString())) {
        log.warn("The JetStream {} has {} {} where the settings say {}; it is left as it is", what, name, found, expected);
      }
    });
  }

  /** As clients of all languages create a bucket with a history of one. */
  private Map<String, Object> bucketConfiguration() {
    Map<String, Object> stream = stream("KV_" + bucket, List.of("$KV." + bucket + ".>"), "limits", "new");
    stream.put("max_age", limits.retention().toNanos());
    stream.put("max_msgs_per_subject", 1);
    stream.put("allow_rollup_hdrs", true);
    stream.put("deny_delete", true);
    stream.put("allow_direct", true);
    return stream;
  }

  private Map<String, Object> queueConfiguration(String name, List<String> subjects) {
    Map<String, Object> stream = stream(name, subjects, "workqueue", "new");
    stream.put("max_msgs", limits.maxJobs());
    stream.put("max_age", 0);
    return stream;
  }

  private Map<String, Object> deadLetterConfiguration() {
    return stream(JetStreamNames.DEAD_LETTERS, List.of(JetStreamNames.DEAD_LETTER_SUBJECTS), "limits", "old");
  }

  private Map<String, Object> stream(String name, List<String> subjects, String retention, String discard) {
    Map<String, Object> stream = new LinkedHashMap<>();
    stream.put("name", name);
    stream.put("subjects", subjects);
    stream.put("retention", retention);
    stream.put("discard", discard);
    stream.put("storage", "file");
    stream.put("max_bytes", limits.maxBytes());
    stream.put("num_replicas", limits.replicas());
    // As the server's own, but no longer than an entry is kept: then its key is free, and its job's id has to be
    stream.put("duplicate_window", Math.min(limits.retention().toNanos(), Duration.ofMinutes(2).toNanos()));
    return stream;
  }

  /** Waits until all is there; returns whether it is. */
  boolean await(Duration longest) throws InterruptedException {
    return provisioned.await(longest.toNanos(), TimeUnit.NANOSECONDS);
  }

  /** Returns why not all is there, or {@code null} if it is. */
  public @Nullable String problem() {
    return problem;
  }

  @Override
  public boolean isRunning() {
    return thread != null;
  }

  @Override
  public void stop() {
    Thread stopping = thread;
    thread = null;
    if (stopping != null) {
      stopping.interrupt();
    }
  }
}
