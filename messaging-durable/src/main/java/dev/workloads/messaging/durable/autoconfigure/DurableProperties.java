package dev.workloads.messaging.durable.autoconfigure;

import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.springframework.boot.context.properties.ConfigurationProperties;
import org.springframework.boot.context.properties.bind.DefaultValue;
import org.springframework.boot.context.properties.source.InvalidConfigurationPropertyValueException;
import org.springframework.util.unit.DataSize;

/**
 * Settings of durable tasks.
 *
 * @param enabled whether the application submits or takes durable tasks. By default where there are subscriptions.
 * @param subscriptions the subjects whose tasks the worker takes, comma-separated and without wildcards, such as
 *     jobs.task-leet; the listener that handles tasks.task-leet handles them
 * @param maxInFlight the most durable tasks that are handled at once
 * @param ackWait how long a worker that says nothing keeps a task before another one gets it
 * @param maxRuntime the longest that one attempt may take; then its handler is interrupted
 * @param maxAttempts after how many failures a task has failed
 * @param backoff the pauses before the second and further attempts, comma-separated; the last one stands for all after it
 * @param retention how long the state and result of a task are kept after their last change; the same for all applications
 * @param provision whether streams, consumer and bucket are created where they are missing
 * @param provisionOnly whether the application ends once they are there; its listeners are to be disabled
 * @param maxJobs the most tasks that wait in the worker's queue, where it is created
 * @param maxBytes the most bytes in each stream and in the bucket, where they are created; in process, of all together
 * @param replicas on how many servers of a cluster everything is kept, where it is created
 */
@ConfigurationProperties(prefix = DurableProperties.PREFIX, ignoreUnknownFields = false)
public record DurableProperties(
    @Nullable Boolean enabled,
    @DefaultValue List<String> subscriptions,
    @DefaultValue("16") Integer maxInFlight,
    @DefaultValue("30s") Duration ackWait,
    @DefaultValue("15m") Duration maxRuntime,
    @DefaultValue("5") Integer maxAttempts,
    @DefaultValue({"1s", "5s", "30s", "2m"}) List<Duration> backoff,
    @DefaultValue("24h") Duration retention,
    @DefaultValue("true") Boolean provision,
    @DefaultValue("false") Boolean provisionOnly,
    @DefaultValue("1000000") Long maxJobs,
    @DefaultValue("1GB") DataSize maxBytes,
    @DefaultValue("1") Integer replicas) {

  static final String PREFIX = "messaging.durable";

  public DurableProperties {
    require(maxInFlight > 0, "max-in-flight", maxInFlight, "must be at least 1");
    require(ackWait.toMillis() >= 1000, "ack-wait", ackWait, "must be at least 1 s");
    require(maxRuntime.toMillis() > 0, "max-runtime", maxRuntime, "must be at least 1 ms");
    require(maxAttempts > 0, "max-attempts", maxAttempts, "must be at least 1");
    require(!backoff.isEmpty() && backoff.stream().noneMatch(Duration::isNegative), "backoff", backoff,
        "must be at least one pause, none of them negative");
    require(retention.toSeconds() > 0, "retention", retention, "must be at least 1 s");
    require(maxJobs > 0, "max-jobs", maxJobs, "must be at least 1");
    require(maxBytes.toBytes() > 0, "max-bytes", maxBytes, "must be at least 1 byte");
    require(replicas > 0 && replicas <= 5, "replicas", replicas, "must be from 1 to 5");
  }

  private static void require(boolean valid, String name, Object value, String rule) {
    if (!valid) {
      throw new InvalidConfigurationPropertyValueException(PREFIX + "." + name, value, "The value " + rule + ".");
    }
  }
}
