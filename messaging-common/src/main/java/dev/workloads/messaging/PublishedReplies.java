package dev.workloads.messaging;

import org.jspecify.annotations.Nullable;

/**
 * Sees whether a handler itself publishes to the reply-to of its message, on the thread that it is called on; for the
 * container, which counts requests that nobody replied to.
 */
public final class PublishedReplies implements AutoCloseable {

  private static final ThreadLocal<@Nullable PublishedReplies> CURRENT = new ThreadLocal<>();

  private final @Nullable String replyTo;
  private final @Nullable PublishedReplies outer; // of a handler whose request is handled on its own thread
  private boolean any;

  private PublishedReplies(@Nullable String replyTo, @Nullable PublishedReplies outer) {
    this.replyTo = replyTo;
    this.outer = outer;
  }

  /** Watches what this thread publishes until it is closed. */
  public static PublishedReplies watch(@Nullable String replyTo) {
    PublishedReplies watch = new PublishedReplies(replyTo, CURRENT.get());
    CURRENT.set(watch);
    return watch;
  }

  static void published(String subject) {
    for (PublishedReplies watch = CURRENT.get(); watch != null; watch = watch.outer) {
      watch.any |= subject.equals(watch.replyTo);
    }
  }

  /** Returns whether anything was published to the reply-to. */
  public boolean any() {
    return any;
  }

  @Override
  public void close() {
    if (outer == null) {
      CURRENT.remove();
    } else {
      CURRENT.set(outer);
    }
  }
}
