package dev.workloads.messaging;

import org.jspecify.annotations.Nullable;

/** The reply-to of the request that this thread handles, for as long as this thread has published nothing to it. */
public final class OwedReply {

  private static final ThreadLocal<@Nullable String> REPLY_TO = new ThreadLocal<>();

  private OwedReply() {}

  /** Returns the reply-to, or {@code null} if there is none, or something was published to it. */
  public static @Nullable String get() {
    return REPLY_TO.get();
  }

  /** Sets the reply-to; for containers, which set back what was there before, since handlers may publish to each other. */
  public static void set(@Nullable String replyTo) {
    REPLY_TO.set(replyTo);
  }

  static void published(String subject) {
    if (subject.equals(REPLY_TO.get())) {
      REPLY_TO.remove();
    }
  }
}
