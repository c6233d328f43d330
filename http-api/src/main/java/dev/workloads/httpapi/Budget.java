package dev.workloads.httpapi;

import java.util.concurrent.atomic.AtomicLong;

/** A number of bytes that may be taken at once; never waits. Safe for use by many threads. */
final class Budget {

  private final AtomicLong free;

  Budget(long bytes) {
    this.free = new AtomicLong(bytes);
  }

  /** Takes the bytes, or none. */
  boolean tryTake(long bytes) {
    if (free.addAndGet(-bytes) >= 0) {
      return true;
    }
    free.addAndGet(bytes);
    return false;
  }

  void giveBack(long bytes) {
    free.addAndGet(bytes);
  }
}
