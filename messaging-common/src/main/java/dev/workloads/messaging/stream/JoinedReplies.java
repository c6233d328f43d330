package dev.workloads.messaging.stream;

import dev.workloads.messaging.BrokerMessage;
import dev.workloads.messaging.MessageRejectedException;
import dev.workloads.messaging.ReplySink;
import java.io.ByteArrayOutputStream;
import org.jspecify.annotations.Nullable;

/** The replies of one handler call, one after the other, as one; JSON becomes NDJSON. Used by one thread. */
final class JoinedReplies implements ReplySink<BrokerMessage> {

  private static final String JSON = "application/json";
  private static final String NDJSON = "application/x-ndjson";

  private final ByteArrayOutputStream joined = new ByteArrayOutputStream();
  private final long most;
  private @Nullable String contentType;

  /**
   * Creates what joins replies.
   *
   * @param most the most bytes of all
   */
  JoinedReplies(long most) {
    this.most = most;
  }

  @Override
  public void send(BrokerMessage reply) {
    if (reply.body().length == 0) {
      return;
    }
    if (joined.size() + (long) reply.body().length > most) {
      throw new MessageRejectedException(500, "the replies together are too large for the result of a task");
    }
    contentType = contentType == null ? reply.header(BrokerMessage.CONTENT_TYPE) : contentType;
    joined.writeBytes(reply.body());
    if (JSON.equals(contentType)) {
      joined.write('\n');
    }
  }

  /** Returns what has come together. */
  BrokerMessage reply(BrokerMessage message) {
    BrokerMessage reply = message.reply(joined.toByteArray());
    return contentType == null ? reply
        : reply.withHeader(BrokerMessage.CONTENT_TYPE, JSON.equals(contentType) ? NDJSON : contentType);
  }
}
