package dev.workloads.messaging.autoconfigure;

import dev.workloads.messaging.Subjects;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.springframework.boot.context.properties.ConfigurationProperties;
import org.springframework.boot.context.properties.bind.DefaultValue;
import org.springframework.boot.context.properties.source.InvalidConfigurationPropertyValueException;
import org.springframework.boot.context.properties.source.MutuallyExclusiveConfigurationPropertiesException;
import org.springframework.util.unit.DataSize;

/**
 * Settings of messaging. An empty value is as if it were not set, which Spring Boot does for all types but strings and
 * primitives.
 *
 * @param transport what carries the messages
 * @param subscriptions subject patterns whose messages the worker handles, comma-separated
 * @param consumerGroup queue group that shares the messages; "broadcast" for none, so that every instance gets every
 *     message. By default the application's name.
 * @param maxInFlight the most messages that are handled at once
 * @param queueCapacity the most messages that wait for a handler; beyond it the worker answers that it is full
 * @param maxBuffered the most bytes of message bodies, waiting and being handled. By default an eighth of the heap.
 * @param drainTimeout the longest that a stopping worker takes to finish the messages it has; keep it below
 *     spring.lifecycle.timeout-per-shutdown-phase
 * @param otelMetrics whether requests and handlers are timed a second time, by OpenTelemetry's names
 * @param listener settings of all listeners
 * @param listeners settings of single listeners, by their ids: the name of the method or of the BrokerMessageHandler bean
 * @param request settings of requests
 * @param discovery settings of the NATS service API, by which tools find the worker
 * @param nats settings of the NATS transport
 */
@ConfigurationProperties("messaging")
public record MessagingProperties(
    @DefaultValue("nats") Transport transport,
    @DefaultValue List<String> subscriptions,
    @Nullable String consumerGroup,
    @DefaultValue("256") Integer maxInFlight,
    @DefaultValue("256") Integer queueCapacity,
    @Nullable DataSize maxBuffered,
    @DefaultValue("25s") Duration drainTimeout,
    @DefaultValue("false") Boolean otelMetrics,
    @DefaultValue Listener listener,
    @DefaultValue Map<String, ListenerOverrides> listeners,
    @DefaultValue Request request,
    @DefaultValue Discovery discovery,
    @DefaultValue Nats nats) {

  private static final String DEFAULT_VERSION = "1.0.0";
  private static final String DEFAULT_INBOX_PREFIX = "_INBOX";
  private static final Duration SHORTEST = Duration.ofMillis(1);
  private static final Duration LONGEST = Duration.ofDays(24); // jnats counts milliseconds, in 31 bits

  public MessagingProperties {
    consumerGroup = emptyToNull(consumerGroup);
    require(maxInFlight > 0, "messaging.max-in-flight", maxInFlight, "must be at least 1");
    require(queueCapacity >= 0, "messaging.queue-capacity", queueCapacity, "must not be negative");
    require(maxBuffered == null || maxBuffered.toBytes() > 0, "messaging.max-buffered", maxBuffered,
        "must be at least 1 byte");
    requireDuration("messaging.drain-timeout", drainTimeout, Duration.ZERO);
  }

  /** What carries the messages. */
  public enum Transport {
    /** A NATS server or cluster. */
    NATS,
    /** The memory of this process, for development. */
    IN_PROCESS
  }

  /**
   * Settings of one listener, in place of what its annotation and messaging.* say.
   *
   * @param subscriptions subject patterns whose messages it handles, comma-separated
   * @param consumerGroup queue group that shares the messages; "broadcast" for none
   * @param maxInFlight the most messages that it handles at once
   * @param queueCapacity the most messages that wait for it; beyond it the worker answers that it is full
   */
  public record ListenerOverrides(
      @DefaultValue List<String> subscriptions,
      @Nullable String consumerGroup,
      @Nullable Integer maxInFlight,
      @Nullable Integer queueCapacity) {

    static final ListenerOverrides NONE = new ListenerOverrides(List.of(), null, null, null);

    public ListenerOverrides {
      consumerGroup = emptyToNull(consumerGroup);
    }

    /** Returns these settings, and the others where these are not set. */
    ListenerOverrides or(ListenerOverrides others) {
      return new ListenerOverrides(subscriptions.isEmpty() ? others.subscriptions : subscriptions,
          consumerGroup == null ? others.consumerGroup : consumerGroup,
          maxInFlight == null ? others.maxInFlight : maxInFlight,
          queueCapacity == null ? others.queueCapacity : queueCapacity);
    }
  }

  /**
   * Settings of all listeners.
   *
   * @param enabled whether messages are subscribed to and handled
   */
  public record Listener(@DefaultValue("true") Boolean enabled) {}

  /**
   * Settings of requests.
   *
   * @param retryWindow how long a request that was provably not processed is tried again; 0 fails at once
   */
  public record Request(@DefaultValue("250ms") Duration retryWindow) {

    public Request {
      requireDuration("messaging.request.retry-window", retryWindow, Duration.ZERO);
    }
  }

  /**
   * Settings of the NATS service API (ADR-32).
   *
   * @param enabled whether the worker answers "nats micro list", "info" and "stats"
   * @param version semantic version of the worker
   * @param description what the worker does, in a sentence
   */
  public record Discovery(
      @DefaultValue("true") Boolean enabled,
      @DefaultValue(DEFAULT_VERSION) String version,
      @DefaultValue("") String description) {

    public Discovery {
      version = version.isEmpty() ? DEFAULT_VERSION : version;
      require(version.matches("\\d+\\.\\d+\\.\\d+([-+][0-9A-Za-z.+-]+)?"), "messaging.discovery.version", version,
          "must be a semantic version such as 1.0.0");
    }
  }

  /**
   * Settings of the NATS transport.
   *
   * @param servers URLs of the servers of one cluster, comma-separated. By default the environment variable NATS_URL, else
   *     nats://localhost:4222.
   * @param username user name to log in with
   * @param password password to log in with
   * @param token token to log in with
   * @param credentialsFile file with a user's JWT and NKey seed, as nsc writes it
   * @param nkeyFile file with a user's NKey seed
   * @param inboxPrefix prefix of the subjects that replies come back on, where permissions allow one only
   * @param connectTimeout the longest that one attempt to connect to one server takes
   * @param maxReconnectWait the longest pause between two rounds of attempts to connect
   * @param pingInterval how often the connection is checked; a dead peer is noticed after the third missing answer
   * @param readyGrace how long a lost connection leaves the application ready
   * @param ssl TLS settings
   */
  public record Nats(
      @DefaultValue List<String> servers,
      @Nullable String username,
      @Nullable String password,
      @Nullable String token,
      @Nullable Path credentialsFile,
      @Nullable Path nkeyFile,
      @DefaultValue(DEFAULT_INBOX_PREFIX) String inboxPrefix,
      @DefaultValue("2s") Duration connectTimeout,
      @DefaultValue("500ms") Duration maxReconnectWait,
      @DefaultValue("5s") Duration pingInterval,
      @DefaultValue("5s") Duration readyGrace,
      @DefaultValue Ssl ssl) {

    public Nats {
      username = emptyToNull(username);
      password = emptyToNull(password);
      token = emptyToNull(token);
      credentialsFile = emptyToNull(credentialsFile);
      nkeyFile = emptyToNull(nkeyFile);
      inboxPrefix = inboxPrefix.isEmpty() ? DEFAULT_INBOX_PREFIX : inboxPrefix;
      requireInbox(inboxPrefix);
      requireOneLogin(username, token, credentialsFile, nkeyFile);
      requireDuration("messaging.nats.connect-timeout", connectTimeout, SHORTEST);
      requireDuration("messaging.nats.max-reconnect-wait", maxReconnectWait, SHORTEST);
      requireDuration("messaging.nats.ping-interval", pingInterval, SHORTEST);
      requireDuration("messaging.nats.ready-grace", readyGrace, Duration.ZERO);
    }
  }

  private static void requireOneLogin(@Nullable Object username, @Nullable Object token, @Nullable Object credentialsFile,
      @Nullable Object nkeyFile) {
    MutuallyExclusiveConfigurationPropertiesException.throwIfMultipleNonNullValuesIn(ways -> {
      ways.put("messaging.nats.username", username);
      ways.put("messaging.nats.token", token);
      ways.put("messaging.nats.credentials-file", credentialsFile);
      ways.put("messaging.nats.nkey-file", nkeyFile);
    });
  }

  private static void requireInbox(String prefix) {
    try {
      Subjects.requireSubject(prefix);
    } catch (IllegalArgumentException e) {
      throw new InvalidConfigurationPropertyValueException("messaging.nats.inbox-prefix", prefix,
          "Replies cannot come back there: " + e.getMessage() + ".");
    }
  }

  private static <T> @Nullable T emptyToNull(@Nullable T value) {
    return value == null || value.toString().isEmpty() ? null : value;
  }

  /**
   * TLS settings.
   *
   * @param bundle name of the SSL bundle with the trusted certificates, and for mTLS our own
   */
  public record Ssl(@Nullable String bundle) {

    public Ssl {
      bundle = emptyToNull(bundle);
    }
  }

  private static void requireDuration(String name, Duration value, Duration shortest) {
    require(value.compareTo(shortest) >= 0 && value.compareTo(LONGEST) <= 0, name, value,
        "must be from " + shortest.toMillis() + " ms to " + LONGEST.toDays() + " d");
  }

  private static void require(boolean valid, String name, @Nullable Object value, String rule) {
    if (!valid) {
      throw new InvalidConfigurationPropertyValueException(name, value, "The value " + rule + ".");
    }
  }
}
