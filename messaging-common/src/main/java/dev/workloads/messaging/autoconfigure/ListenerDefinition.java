package dev.workloads.messaging.autoconfigure;

import dev.workloads.messaging.BrokerMessageHandler;
import dev.workloads.messaging.autoconfigure.MessagingProperties.ListenerOverrides;
import java.util.Locale;

/**
 * What the code says of a listener.
 *
 * @param id the name in properties
 * @param origin the name in messages to people
 * @param isBean whether a bean is the handler, which says nothing of subjects
 * @param declared what the annotation says
 */
record ListenerDefinition(String id, String origin, BrokerMessageHandler handler, boolean isBean,
    ListenerOverrides declared) {

  /** Returns whether that is the id, in any form that a source of properties may write it in. */
  boolean isCalled(String name) {
    return uniform(id).equals(uniform(name));
  }

  private static String uniform(String name) {
    return name.replaceAll("[-_]", "").toLowerCase(Locale.ROOT);
  }
}
