package dev.workloads.messaging.durable.jetstream;

import dev.workloads.messaging.BrokerException;
import dev.workloads.messaging.BrokerException.Reason;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/** Creates streams and consumers that are missing, and adds to and enlarges those that are there. Used by one thread at a time. */
final class JetStreamBuilder {

  private static final Logger log = LoggerFactory.getLogger(JetStreamProvisioner.class);
  private static final JsonMapper JSON = JsonMapper.shared();
  private static final Duration TIMEOUT = Duration.ofSeconds(5);
  private static final int UNAVAILABLE = 503;
  private static final int MOST_CHANGES = 10;
  // These pass: another application has just created or deleted it, or servers of a cluster are missing or elect a leader
  private static final Set<Integer> PASSING =
      Set.of(10058, 10013, 10148, 10059, 10014, 10005, 10006, 10007, 10009, 10041);

  private final JetStreamApi api;
  private final List<JetStreamAsset> assets;
  private int changesInARow;

  /** What is not as the settings say, and whether it may be so. */
  record Finding(String text, boolean isAllowed) {}

  /**
   * What was done.
   *
   * @param isChanged whether something that was there was changed. Another application that has read it before may undo the
   *     change, so look again.
   */
  record Report(boolean isChanged, List<Finding> findings) {}

  JetStreamBuilder(JetStreamApi api, List<JetStreamAsset> assets) {
    this.api = api;
    this.assets = assets;
  }

  /**
   * Does all that the broker lets it do now; blocks for its answers.
   *
   * @throws BrokerException if something is not there; not retryable, and {@code BROKER_UNAVAILABLE}, if it will not be later
   */
  Report build() {
    List<Finding> findings = new ArrayList<>();
    boolean changed = false;
    for (JetStreamAsset asset : assets) {
      changed |= build(asset, findings);
    }
    changesInARow = changed ? changesInARow + 1 : 0;
    return new Report(changed, findings);
  }

  static boolean isFinal(BrokerException problem) {
    return problem.reason() == Reason.BROKER_UNAVAILABLE && !problem.isRetryable();
  }

  /** Creates or enlarges one; returns whether it was there and was changed. */
  private boolean build(JetStreamAsset asset, List<Finding> findings) {
    JsonNode answer = api.ask(asset.inquiry(), Map.of(), TIMEOUT);
    JsonNode error = JetStreamApi.error(answer);
    if (error == null) {
      return enlarge(asset, configuration(answer), findings);
    }
    if (error.path("err_code").asInt(0) != asset.missing()) {
      throw refused(asset, error);
    }
    send(asset, asset.creation(), asset.configuration());
    log.info("Created the JetStream {}", asset.name());
    return false;
  }

  private boolean enlarge(JetStreamAsset asset, ObjectNode there, List<Finding> findings) {
    JetStreamComparison comparison = JetStreamComparison.of(JSON.valueToTree(asset.configuration()), there);
    comparison.excess().forEach(difference ->
        findings.add(new Finding(asset.name() + " has " + difference + "; it is never made smaller", true)));
    comparison.differences().forEach(difference ->
        findings.add(new Finding(asset.name() + " has " + difference + "; it is left as it is", false)));
    if (comparison.additions().isEmpty()) {
      return false;
    }
    String additions = String.join(", ", comparison.additions());
    try {
      if (changesInARow >= MOST_CHANGES) {
        throw BrokerException.refused("somebody makes it smaller each time");
      }
      send(asset, asset.change(), comparison.enlarged());
      log.info("Enlarged the JetStream {}, which had {}", asset.name(), additions);
      return true;
    } catch (BrokerException e) {
      if (!isFinal(e)) {
        throw e;
      }
      findings.add(new Finding(asset.name() + " has " + additions + "; it cannot be enlarged: " + e.getMessage(), false));
      return false;
    }
  }

  private void send(JetStreamAsset asset, String operation, Object configuration) {
    JsonNode error = JetStreamApi.error(api.ask(operation, asset.request(configuration), TIMEOUT));
    if (error != null) {
      throw refused(asset, error);
    }
  }

  private static ObjectNode configuration(JsonNode answer) {
    if (answer.path("config") instanceof ObjectNode configuration) {
      return configuration;
    }
    throw new BrokerException(Reason.BROKER_UNAVAILABLE, JetStreamApi.UNREADABLE);
  }

  private static BrokerException refused(JetStreamAsset asset, JsonNode error) {
    int code = error.path("err_code").asInt(0);
    String text = "the " + asset.name() + " is refused: " + error.path("description").asString("without a reason") + " ("
        + code + ")" + switch (code) {
          case 10065 -> ". Each subject belongs to one group: another stream has one of " + asset.configuration().get("subjects");
          case 10002, 10047 -> ". messaging.durable.max-bytes is more than the server has left: lower it, or raise "
              + "max_file_store";
          case 10005, 10074 -> ". messaging.durable.replicas needs as many servers of a cluster";
          default -> "";
        };
    return error.path("code").asInt(0) == UNAVAILABLE || PASSING.contains(code)
        ? new BrokerException(Reason.BROKER_UNAVAILABLE, text) : BrokerException.refused(text);
  }
}
