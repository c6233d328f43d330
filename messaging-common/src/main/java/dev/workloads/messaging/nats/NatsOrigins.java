package dev.workloads.messaging.nats;

import io.nats.client.Connection;
import io.nats.client.Message;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * Knows on which connection a request came in, for its reply to go out there: another server may not have heard of the
 * requester yet, or refuse replies to what it has not delivered. Safe for use by many threads.
 */
final class NatsOrigins {

  // A worker's handlers and queue, and many more: what is never replied to stays until then
  private static final int MAX_SIZE = 16_384;

  private final Map<String, Connection> byReplyTo = new ConcurrentHashMap<>();

  void received(Message request) {
    if (byReplyTo.size() >= MAX_SIZE) {
      byReplyTo.clear();
    }
    if (request.getReplyTo() != null) {
      byReplyTo.put(request.getReplyTo(), request.getConnection());
    }
  }

  /** Returns the connection for a message to the subject if it is the first reply to a request, and usable. */
  @Nullable Connection replied(String subject) {
    Connection origin = byReplyTo.remove(subject);
    return origin != null && origin.getStatus() == Connection.Status.CONNECTED ? origin : null;
  }

  void closed(Connection connection) {
    byReplyTo.values().removeIf(origin -> origin == connection);
  }
}
