package dev.workloads.messaging.autoconfigure;

import dev.workloads.messaging.BrokerMessageHandler;
import dev.workloads.messaging.InvalidConfigurationException;
import dev.workloads.messaging.StreamProtocol;
import dev.workloads.messaging.StreamingHandler;
import dev.workloads.messaging.Subjects;
import dev.workloads.messaging.listener.ListenerSettings;
import dev.workloads.messaging.stream.StreamSenders;
import dev.workloads.messaging.stream.StreamingListener;

/** What a listener container is made of. */
record ConfiguredListener(ListenerSettings settings, BrokerMessageHandler handler) {

  /** Returns the handler as the container calls it. */
  BrokerMessageHandler handler(StreamSenders streams) {
    if (!(handler instanceof StreamingHandler streaming)) {
      return handler;
    }
    try {
      Subjects.requireSubject(StreamProtocol.CONTROL + settings.group());
    } catch (IllegalArgumentException e) {
      throw invalid("its group \"" + settings.group() + "\" cannot be a part of a subject");
    }
    if (settings.queueGroup() == null) {
      throw invalid("it has no queue group: several workers would write into one stream");
    }
    return new StreamingListener(streaming, streams, settings.group());
  }

  private InvalidConfigurationException invalid(String problem) {
    return new InvalidConfigurationException("Listener " + settings.id() + " sends several replies, and " + problem + ".",
        "Give it a group of letters, digits, - and _.");
  }
}
