package dev.workloads.messaging.durable.jetstream;

import dev.workloads.messaging.durable.Jobs;

/** The names of streams and consumers. */
final class JetStreamNames {

  static final String DEAD_LETTERS = "JOBS_DEAD";
  static final String DEAD_LETTER_SUBJECTS = Jobs.DEAD_LETTER_PREFIX + ">";

  private JetStreamNames() {}

  /** Returns the name of a group's stream. */
  static String stream(String group) {
    return "JOBS_" + group;
  }

  /** Returns the name of a group's consumer. */
  static String consumer(String group) {
    return group;
  }
}
