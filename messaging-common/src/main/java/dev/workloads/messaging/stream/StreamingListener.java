package dev.workloads.messaging.stream;

import dev.workloads.messaging.BrokerMessage;
import dev.workloads.messaging.BrokerMessageHandler;
import dev.workloads.messaging.MessageRejectedException;
import dev.workloads.messaging.RequesterGoneException;
import dev.workloads.messaging.StreamProtocol;
import dev.workloads.messaging.StreamingHandler;
import dev.workloads.messaging.Subjects;
import org.jspecify.annotations.Nullable;

/** Calls a handler that has several replies the way its message asks for: as a stream, or as a durable task with one result. */
public final class StreamingListener implements BrokerMessageHandler {

  private final StreamingHandler handler;
  private final StreamSenders streams;
  private final String group;

  /**
   * Creates a listener.
   *
   * @param group its queue group, which is a part of the subjects on which requesters are heard
   */
  public StreamingListener(StreamingHandler handler, StreamSenders streams, String group) {
    this.handler = handler;
    this.streams = streams;
    this.group = group;
  }

  @Override
  public @Nullable BrokerMessage handle(BrokerMessage message) throws Exception {
    if (Subjects.isDurable(message.subject())) {
      JoinedReplies joined = new JoinedReplies(streams.maxPayload());
      handler.handle(message, joined);
      return joined.reply(message);
    }
    if (message.header(StreamProtocol.STREAM_HEADER) == null) {
      return handler.handle(message);
    }
    stream(message);
    return null;
  }

  private void stream(BrokerMessage message) throws Exception {
    StreamSender replies = streams.open(message, group);
    try (replies) {
      handler.handle(message, replies);
      replies.end();
    } catch (Exception e) {
      if (!replies.isToldToStop()) {
        throw e instanceof RequesterGoneException ? new MessageRejectedException(500, String.valueOf(e.getMessage())) : e;
      }
    }
  }
}
