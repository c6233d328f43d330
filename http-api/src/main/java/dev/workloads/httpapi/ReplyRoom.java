package dev.workloads.httpapi;

import java.util.concurrent.Semaphore;

/**
 * The memory for one worker's reply, from before it comes until the client has taken it. A client may read slowly or not at
 * all, so the memory comes out of the bytes that are free for all replies.
 *
 * <p>Used by one thread at a time.
 */
final class ReplyRoom implements AutoCloseable {

  /** The text for a client whose reply would get no room. */
  static final String FULL = "too many bytes of replies wait for their clients, try again later";

  // The heap that is reckoned for each connection holds a reply of this size, so small replies always get through
  private static final int FREE_SIZE = 8 * 1024;

  private final Semaphore freeBytes;
  private final int most;
  private int taken;

  /**
   * Creates a room of no size.
   *
   * @param most the bytes of all replies; a larger reply needs all of them
   */
  ReplyRoom(Semaphore freeBytes, int most) {
    this.freeBytes = freeBytes;
    this.most = most;
  }

  /** Makes the room as large as a reply of the size needs, and returns whether there is memory for that now. */
  boolean fit(int size) {
    int wanted = size <= FREE_SIZE ? 0 : Math.min(size, most);
    if (wanted > taken && !freeBytes.tryAcquire(wanted - taken)) {
      return false;
    }
    if (wanted < taken) {
      freeBytes.release(taken - wanted);
    }
    taken = wanted;
    return true;
  }

  /** Frees the bytes. Idempotent. */
  @Override
  public void close() {
    fit(0);
  }
}
