package dev.workloads.httpapi;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.springframework.boot.context.properties.ConfigurationProperties;
import org.springframework.boot.context.properties.bind.DefaultValue;
import org.springframework.boot.context.properties.source.InvalidConfigurationPropertyValueException;
import org.springframework.util.unit.DataSize;

/**
 * Settings of the HTTP API.
 *
 * @param requestTimeout the longest wait for a worker's reply
 * @param maxBodySize the largest HTTP body that is read
 * @param bodyTimeout the longest that a client may take to send its body
 * @param writeTimeout the longest that a client may take nothing of its answer; then its connection is cut
 * @param maxInFlight the most requests that wait for a worker at once. By default 4096, but no more than half of the
 *     connections, and on platform threads no more than nine tenths of server.tomcat.threads.max. Always fewer than
 *     connections, of which there is one for each 80 KB of the heap unless server.tomcat.max-connections says how many.
 * @param maxBuffered the most bytes of HTTP bodies held at once, and as many again of workers' replies that are larger than
 *     8 KB. By default an eighth of the heap; 2 GB at most.
 * @param drainDelay how long a stopping application goes on to answer, telling clients to close their connections
 * @param workers the workers that may be asked for; a trailing * stands for any rest of a name. By default all.
 * @param clients those that may send requests, by their names. By default everybody may who reaches the port.
 * @param page the page at / on which a task can be tried
 * @param durable tasks that are kept until they are done
 * @param stream tasks with several replies
 */
@ConfigurationProperties("task")
record TaskProperties(
    @DefaultValue("5s") Duration requestTimeout,
    @DefaultValue("8MB") DataSize maxBodySize,
    @DefaultValue("10s") Duration bodyTimeout,
    @DefaultValue("10s") Duration writeTimeout,
    @Nullable Integer maxInFlight,
    @Nullable DataSize maxBuffered,
    @DefaultValue("1s") Duration drainDelay,
    @DefaultValue List<String> workers,
    @DefaultValue Map<String, Client> clients,
    @DefaultValue Page page,
    @DefaultValue Durable durable,
    @DefaultValue Stream stream) {

  private static final Duration LONGEST = Duration.ofDays(36_500); // nanoseconds are counted in 64 bits

  TaskProperties {
    requireTimeout("task.request-timeout", requestTimeout);
    require(maxBodySize.toBytes() > 0 && maxBodySize.toBytes() < Integer.MAX_VALUE, "task.max-body-size", maxBodySize,
        "The value must be from 1 byte to 2 GB.");
    requireTimeout("task.body-timeout", bodyTimeout);
    requireTimeout("task.write-timeout", writeTimeout);
    require(maxInFlight == null || maxInFlight > 0, "task.max-in-flight", maxInFlight, "The value must be at least 1.");
    require(maxBuffered == null || maxBuffered.toBytes() > 0, "task.max-buffered", maxBuffered,
        "The value must be at least 1 byte.");
    require(isFrom(Duration.ZERO, drainDelay), "task.drain-delay", drainDelay, "The value must be from 0 s to 36500 d.");
  }

  /**
   * Settings of a client.
   *
   * @param keySha256 the SHA-256 of each of its keys, in hex
   * @param workers those of task.workers that it may ask for. By default all of them.
   * @param maxInFlight the most of its requests at once. By default as many as of all clients.
   * @param rate the most of its requests a second; as many as come in a second may come at once. By default any number.
   */
  record Client(@DefaultValue List<String> keySha256, @DefaultValue List<String> workers, @Nullable Integer maxInFlight,
      @Nullable Double rate) {}

  /**
   * Settings of the page.
   *
   * @param enabled whether browsers get it
   */
  record Page(@DefaultValue("false") boolean enabled) {}

  /**
   * Settings of durable tasks.
   *
   * @param enabled whether clients may ask for them, by Prefer: respond-async
   * @param maxWait the longest that a client may wait for a task to be done, by Prefer: wait=n
   * @param idSecret the secret that ids of tasks with an Idempotency-Key are made with, the same for all instances. By default
   *     ids are made of the client's name and the key alone.
   */
  record Durable(@DefaultValue("false") Boolean enabled, @DefaultValue("30s") Duration maxWait, @Nullable String idSecret) {

    Durable {
      idSecret = idSecret == null || idSecret.isEmpty() ? null : idSecret;
      require(isFrom(Duration.ZERO, maxWait), "task.durable.max-wait", maxWait, "The value must be from 0 s to 36500 d.");
    }
  }

  /**
   * Settings of tasks with several replies.
   *
   * @param stall the longest that nothing is heard of the worker, which says every 10 s that it is at work
   * @param timeout the longest that a stream may take
   */
  record Stream(@DefaultValue("30s") Duration stall, @DefaultValue("10m") Duration timeout) {

    Stream {
      requireTimeout("task.stream.stall", stall);
      requireTimeout("task.stream.timeout", timeout);
    }
  }

  private static void requireTimeout(String name, Duration timeout) {
    require(isFrom(Duration.ofMillis(1), timeout), name, timeout, "The value must be from 1 ms to 36500 d.");
  }

  private static boolean isFrom(Duration least, Duration value) {
    return value.compareTo(least) >= 0 && value.compareTo(LONGEST) <= 0;
  }

  private static void require(boolean valid, String name, @Nullable Object value, String reason) {
    if (!valid) {
      throw new InvalidConfigurationPropertyValueException(name, value, reason);
    }
  }
}
