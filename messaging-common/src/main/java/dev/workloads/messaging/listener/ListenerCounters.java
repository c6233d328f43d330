package dev.workloads.messaging.listener;

import java.util.concurrent.atomic.LongAdder;

/** Counts the messages that a listener container did not handle, and the replies that it did not send. */
public final class ListenerCounters {

  final LongAdder shedMessages = new LongAdder();
  final LongAdder expiredMessages = new LongAdder();
  final LongAdder missingReplyTos = new LongAdder();
  final LongAdder missingReplies = new LongAdder();
  final LongAdder lostReplies = new LongAdder();

  ListenerCounters() {}

  /** Returns the messages refused because the worker was full. */
  public long shed() {
    return shedMessages.sum();
  }

  /** Returns the messages dropped because their requester had given up while they were queued. */
  public long expired() {
    return expiredMessages.sum();
  }

  /** Returns the replies that handlers returned to messages that name no subject for them. */
  public long missingReplyTo() {
    return missingReplyTos.sum();
  }

  /** Returns the requests that were handled without a reply. */
  public long noReply() {
    return missingReplies.sum();
  }

  /** Returns the replies that were not sent, nor an error reply in their place. */
  public long lostReplies() {
    return lostReplies.sum();
  }
}
