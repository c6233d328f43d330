package dev.workloads.messaging.durable.autoconfigure;

import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** An answer of the broker that is good for five seconds. The first thread that finds it older asks, and others wait meanwhile. */
final class RecentAnswer<T> {

  private static final long VALID_NANOS = TimeUnit.SECONDS.toNanos(5);

  private final Supplier<@Nullable T> question;
  private @Nullable T answer; // under this
  private long askedAt = System.nanoTime() - VALID_NANOS; // under this

  RecentAnswer(Supplier<@Nullable T> question) {
    this.question = question;
  }

  /** Returns the answer; blocks for as long as the question does. */
  synchronized @Nullable T get() {
    if (System.nanoTime() - askedAt >= VALID_NANOS) {
      answer = question.get();
      askedAt = System.nanoTime();
    }
    return answer;
  }
}
