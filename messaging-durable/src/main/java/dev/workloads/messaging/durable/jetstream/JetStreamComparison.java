package dev.workloads.messaging.durable.jetstream;

import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * Compares what a stream or consumer is with what the settings want. Applications of two versions, or with two settings, share
 * one: whatever is only ever added to and enlarged, none of them undoes.
 */
final class JetStreamComparison {

  private static final Set<String> TIMES = Set.of("max_age", "duplicate_window", "ack_wait");
  private static final Set<String> SIZES = Set.of("max_msgs", "max_bytes", "max_age", "duplicate_window", "ack_wait");
  private static final String SUBJECTS = "subjects";
  private static final String REPLICAS = "num_replicas"; // more do no harm; fewer are not ours to change, since that takes servers

  private final ObjectNode enlarged;
  private final List<String> additions = new ArrayList<>();
  private final List<String> excess = new ArrayList<>();
  private final List<String> differences = new ArrayList<>();

  /**
   * Compares.
   *
   * @param found the configuration that there is, with members that we do not know
   */
  JetStreamComparison(ObjectNode wanted, ObjectNode found) {
    this.enlarged = found.deepCopy();
    wanted.properties().forEach(member -> compare(member.getKey(), member.getValue(), found.path(member.getKey())));
  }

  private void compare(String name, JsonNode wanted, JsonNode found) {
    boolean isSize = SIZES.contains(name);
    String difference = name + " " + shown(name, found) + " where the settings say " + shown(name, wanted);
    if (name.equals(SUBJECTS)) {
      compareSubjects(wanted, found, difference);
    } else if (isSize && size(found) < size(wanted)) {
      additions.add(difference);
      enlarged.set(name, wanted);
    } else if ((isSize || name.equals(REPLICAS)) && size(found) > size(wanted)) {
      excess.add(difference);
    } else if (!isSame(wanted, found)) {
      differences.add(difference);
    }
  }

  private void compareSubjects(JsonNode wanted, JsonNode found, String difference) {
    Set<JsonNode> all = new LinkedHashSet<>(found.values());
    if (all.addAll(wanted.values())) {
      additions.add(difference);
      enlarged.putArray(SUBJECTS).addAll(all);
    } else if (all.size() > wanted.size()) {
      excess.add(difference);
    }
  }

  // -1 or 0 is no limit
  private static long size(JsonNode limit) {
    long size = limit.asLong(0);
    return size <= 0 ? Long.MAX_VALUE : size;
  }

  // The server leaves out what is zero, false or empty
  private static boolean isSame(JsonNode wanted, JsonNode found) {
    return found.isMissingNode() ? wanted.asString("").matches("|0|false") && wanted.isEmpty()
        : found.equals(wanted) || found.toString().equals(wanted.toString());
  }

  private static String shown(String name, JsonNode value) {
    if (SIZES.contains(name) && size(value) == Long.MAX_VALUE) {
      return "without limit";
    }
    return TIMES.contains(name) ? Duration.ofNanos(value.asLong(0)).toString()
        : value.isMissingNode() ? "unset" : value.toString();
  }

  /** Returns the configuration that there is, with what it lacks. */
  ObjectNode enlarged() {
    return enlarged;
  }

  /** Returns what it lacks that can be added. */
  List<String> additions() {
    return additions;
  }

  /** Returns what it has more than the settings want. */
  List<String> excess() {
    return excess;
  }

  /** Returns what differs otherwise. */
  List<String> differences() {
    return differences;
  }
}
