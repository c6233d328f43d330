package dev.workloads.messaging.durable.autoconfigure;

import dev.workloads.messaging.Subjects;
import dev.workloads.messaging.durable.Jobs;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
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
 * @param ackWait how long a worker that says nothing keeps a task before another one gets it; the consumer's is enlarged to it
 * @param maxRuntime the longest that one attempt may take; then its handler is interrupted
 * @param maxAttempts after how many failures a task has failed
 * @param backoff the pauses before the second and further attempts, comma-separated; the last one stands for all after it
 * @param retention how long the state and result of a task are kept after their last change; the same for all applications, no
 *     less than max-runtime and the longest of backoff and ack-wait together. The bucket's is enlarged to it.
 * @param provision whether streams, consumer and bucket are created where they are missing, and enlarged
 * @param provisionOnly whether the application ends once they are there; its listeners are to be disabled
 * @param maxJobs the most tasks that wait in the worker's queue, which is enlarged to it
 * @param maxBytes the most bytes in each stream and in the bucket, which are enlarged to it; in process, of all together
 * @param replicas on how many servers of a cluster everything is kept, where it is created
 * @param operations settings of the actuator endpoint {@code tasks}
 */
@ConfigurationProperties(DurableProperties.PREFIX)
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
    @DefaultValue("1") Integer replicas,
    @DefaultValue Operations operations) {

  static final String PREFIX = "messaging.durable";
  private static final Duration LONGEST = Duration.ofDays(36_500); // JetStream counts nanoseconds, in 64 bits
  private static final DataSize LARGEST = DataSize.ofTerabytes(10); // a server reserves it on its disk

  /**
   * Settings of the actuator endpoint {@code tasks}.
   *
   * @param allowedHosts the names by which a browser may call this machine, beside localhost and addresses; comma-separated
   */
  public record Operations(@DefaultValue List<String> allowedHosts) {}

  public DurableProperties {
    subscriptions.forEach(DurableProperties::requireJobSubject);
    require(Set.copyOf(subscriptions).size() == subscriptions.size(), "subscriptions", subscriptions,
        "must name each subject once");
    require(maxInFlight > 0, "max-in-flight", maxInFlight, "must be at least 1");
    require(isFrom(Duration.ofSeconds(1), ackWait), "ack-wait", ackWait, "must be from 1 s to 36500 d");
    require(isFrom(Duration.ofMillis(1), maxRuntime), "max-runtime", maxRuntime, "must be from 1 ms to 36500 d");
    require(maxAttempts > 0, "max-attempts", maxAttempts, "must be at least 1");
    require(!backoff.isEmpty() && backoff.stream().allMatch(pause -> isFrom(Duration.ZERO, pause)), "backoff", backoff,
        "must be at least one pause, none of them negative or longer than 36500 d");
    require(isFrom(Duration.ofSeconds(1), retention), "retention", retention, "must be from 1 s to 36500 d");
    require(!provisionOnly || provision, "provision-only", provisionOnly, "needs messaging.durable.provision");
    require(!provisionOnly || (enabled == null ? !subscriptions.isEmpty() : enabled), "provision-only", provisionOnly,
        "needs messaging.durable.subscriptions, or messaging.durable.enabled=true to prepare the bucket alone");
    require(maxJobs > 0, "max-jobs", maxJobs, "must be at least 1");
    require(maxBytes.toBytes() > 0 && maxBytes.compareTo(LARGEST) <= 0, "max-bytes", maxBytes,
        "must be from 1 byte to 10 TB, which a server reserves on its disk");
    require(replicas > 0 && replicas <= 5, "replicas", replicas, "must be from 1 to 5");
  }

  private static void requireJobSubject(String subject) {
    require(subject.startsWith(Jobs.SUBJECT_PREFIX)
        && Subjects.isWorkerName(subject.substring(Jobs.SUBJECT_PREFIX.length())), "subscriptions", subject,
        "must be jobs. and the name of a worker, without wildcards");
  }

  /**
   * Checks what holds for a worker: that the entry of a task is kept until its next attempt.
   *
   * @throws InvalidConfigurationPropertyValueException if the longest attempt, and then the longest pause before the next one,
   *     take longer than the retention
   */
  void requireRetentionOfAttempts() {
    Duration pause = Stream.concat(backoff.stream(), Stream.of(ackWait)).max(Duration::compareTo).orElseThrow();
    Duration needed = maxRuntime.plus(pause);
    require(retention.compareTo(needed) >= 0, "retention", retention, "must be at least " + needed
        + ", which is max-runtime and the longest of backoff and ack-wait: a task that is forgotten before its next attempt "
        + "is lost");
  }

  private static boolean isFrom(Duration least, Duration value) {
    return value.compareTo(least) >= 0 && value.compareTo(LONGEST) <= 0;
  }

  private static void require(boolean valid, String name, Object value, String rule) {
    if (!valid) {
      throw new InvalidConfigurationPropertyValueException(PREFIX + "." + name, value, "The value " + rule + ".");
    }
  }
}
