package dev.workloads.httpapi;

import dev.workloads.httpapi.Client.Admission;
import dev.workloads.httpapi.tomcat.InputValve;
import dev.workloads.messaging.InvalidConfigurationException;
import io.micrometer.core.instrument.MeterRegistry;
import jakarta.servlet.http.HttpServletRequest;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.Semaphore;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Tells who has sent a request, and lets it in. Safe for use by many threads. */
final class Clients {

  private static final Pattern CONFIGURED_NAME = Pattern.compile("[a-z0-9-]{1,63}");
  private static final Pattern NAME = Pattern.compile("[!-~]{1,255}"); // what may be a message's header, and part of a hash
  private static final int MAX_TAGS = 100;
  private static final double MIN_RATE = 0.001;
  private static final double MAX_RATE = 1_000_000;

  private final @Nullable ClientResolver resolver;
  private final Map<String, Client> configured = new HashMap<>();
  private final AllowedWorkers workers;
  private final Client nameless;
  private final ClientCounters others;
  private final ClientCounters unknown;

  /**
   * Creates the clients that are configured.
   *
   * @param resolver tells the names, or {@code null} if clients have none
   * @throws InvalidConfigurationException if a setting is malformed
   */
  Clients(TaskProperties properties, @Nullable ClientResolver resolver, MeterRegistry meters) {
    this.resolver = resolver;
    this.workers = AllowedWorkers.of("task.workers", properties.workers(), AllowedWorkers.ALL);
    this.nameless = new Client(null, workers, null, null, new ClientCounters(meters, "none"));
    this.others = new ClientCounters(meters, "other");
    this.unknown = new ClientCounters(meters, "unknown");
    properties.clients().forEach((name, settings) -> configured.put(name,
        client(name, settings, configured.size() < MAX_TAGS ? new ClientCounters(meters, name) : others)));
  }

  private Client client(String name, TaskProperties.Client settings, ClientCounters counters) {
    String property = "task.clients." + name;
    require(CONFIGURED_NAME.matcher(name).matches(), property, "is no name of a client",
        "A name has 1 to 63 characters: a-z 0-9 -");
    Integer maxInFlight = settings.maxInFlight();
    require(maxInFlight == null || maxInFlight > 0, property + ".max-in-flight", "is " + maxInFlight,
        "The value must be at least 1.");
    Double rate = settings.rate();
    require(rate == null || rate >= MIN_RATE && rate <= MAX_RATE, property + ".rate", "is " + rate,
        "The value must be from 0.001 to 1000000 requests a second.");
    return new Client(name, AllowedWorkers.of(property + ".workers", settings.workers(), workers),
        maxInFlight == null ? null : new Semaphore(maxInFlight),
        rate == null ? null : new RateLimit(rate, System::nanoTime), counters);
  }

  private static void require(boolean valid, String property, String fault, String advice) {
    if (!valid) {
      throw new InvalidConfigurationException(property + " " + fault + ".", advice);
    }
  }

  /**
   * Lets a request in.
   *
   * @throws ProblemException if nobody known has sent it, or if its client asks for too much
   */
  Admission admit(HttpServletRequest request) {
    if (resolver == null) {
      return nameless.admit();
    }
    String name = resolver.resolve(request).filter(found -> NAME.matcher(found).matches()).orElse(null);
    if (name == null) {
      unknown.requested();
      unknown.refused("unauthorized");
      throw new ProblemException(Problem.UNAUTHORIZED, "a key is needed: send it as Authorization: Bearer KEY");
    }
    InputValve.setUser(request, name);
    Client client = configured.get(name);
    return (client == null ? new Client(name, workers, null, null, others) : client).admit();
  }
}
