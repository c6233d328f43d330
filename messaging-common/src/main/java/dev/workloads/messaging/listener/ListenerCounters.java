package dev.workloads.messaging.listener;

import java.util.concurrent.atomic.LongAdder;

/** Counts what a listener container did not process as asked. */
public final class ListenerCounters {

  final LongAdder shedMessages = new LongAdder();
  final LongAdder expiredMessages = new LongAdder();
  final LongAdder missingReplyTos = new LongAdder();
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

  /** Returns the messages whose handler owed a reply and had no subject to send it to. */
  public long missingReplyTo() {
    return missingReplyTos.sum();
  }

  /** Returns the replies that could not be sent. */
  public long lostReplies() {
    return lostReplies.sum();
  }
}
