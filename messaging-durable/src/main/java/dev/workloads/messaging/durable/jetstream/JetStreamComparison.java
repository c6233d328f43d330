package dev.workloads.messaging.durable.jetstream;

import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * How a stream or consumer differs from what the settings want. Applications of two versions, or with two settings, share one:
 * none of them undoes what is only ever added to and enlarged.
 *
 * @param enlarged the configuration that there is, with what it lacks
 * @param additions what it lacks that can be added
 * @param excess what it has more than the settings want
 * @param differences what differs otherwise
 */
record JetStreamComparison(ObjectNode enlarged, List<String> additions, List<String> excess, List<String> differences) {

  private static final Set<String> TIMES = Set.of("max_age", "duplicate_window", "ack_wait");
  private static final Set<String> SIZES = Set.of("max_msgs", "max_bytes", "max_age", "duplicate_window", "ack_wait");
  private static final String SUBJECTS = "subjects";
  private static final String REPLICAS = "num_replicas"; // more do no harm; fewer are not ours to change, since that takes servers

  /**
   * Compares.
   *
   * @param found the configuration that there is, with members that we do not know
   */
  static JetStreamComparison of(ObjectNode wanted, ObjectNode found) {
    JetStreamComparison comparison =
        new JetStreamComparison(found.deepCopy(), new ArrayList<>(), new ArrayList<>(), new ArrayList<>());
    wanted.properties().forEach(each -> comparison.compare(each.getKey(), each.getValue(), found.path(each.getKey())));
    return comparison;
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
}
