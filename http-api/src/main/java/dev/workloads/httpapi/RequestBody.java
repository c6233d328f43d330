package dev.workloads.httpapi;

import jakarta.servlet.ServletInputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Semaphore;

/**
 * The body of one request as far as it has come in, within the limit for one body and the bytes that are free for all.
 *
 * <p>Used by one thread at a time.
 */
final class RequestBody implements AutoCloseable {

  // Small, so that thousands of clients that send nothing more do not use up the free bytes
  private static final int FIRST_SIZE = 512;
  // A body grows by parts without copying. Parts of this size are collected young where the body is refused in the end
  private static final int MAX_PART_SIZE = 64 * 1024;

  private final Semaphore freeBytes;
  private final int maxSize;
  private final int expected;
  private final List<byte[]> full = new ArrayList<>(0);
  private byte[] part;
  private int partLength;
  private int taken; // bytes, for the full parts and the current one

  /**
   * Takes the first memory for a body.
   *
   * @param contentLength the length that the client announced, or -1
   * @throws ProblemException if it is too large, or if there is no memory for it now
   */
  RequestBody(Semaphore freeBytes, int maxSize, long contentLength) {
    this.freeBytes = freeBytes;
    this.maxSize = maxSize;
    requireSize(contentLength);
    expected = (int) (contentLength < 0 ? maxSize : contentLength);
    int size = Math.min(expected, FIRST_SIZE);
    take(size);
    part = new byte[size];
  }

  /**
   * Reads what is there, or blocks for the next bytes; returns false at the end of the body.
   *
   * @throws ProblemException if the body is too large, or if there is no memory for more of it now
   */
  boolean readFrom(ServletInputStream in) throws IOException {
    if (in.isFinished()) {
      return false;
    }
    if (length() == maxSize) {
      requireSize(in.read() < 0 ? maxSize : maxSize + 1L);
      return false;
    }
    if (partLength == part.length) {
      grow();
    }
    int count = in.read(part, partLength, part.length - partLength);
    partLength += Math.max(count, 0);
    return count >= 0;
  }

  private int length() {
    return taken - part.length + partLength;
  }

  /** Returns the body; nothing is read any more. */
  byte[] bytes() {
    if (full.isEmpty() && partLength == part.length) {
      return part;
    }
    ByteBuffer whole = ByteBuffer.allocate(length());
    full.forEach(whole::put);
    whole.put(part, 0, partLength);
    full.clear(); // one copy is enough while the request waits
    part = whole.array();
    partLength = part.length;
    return part;
  }

  private void grow() {
    int length = length();
    int size = Math.min(Math.max(expected - length, 1), Math.min(Math.max(length, FIRST_SIZE), MAX_PART_SIZE));
    take(size);
    if (partLength > 0) {
      full.add(part);
    }
    part = new byte[size];
    partLength = 0;
  }

  private void requireSize(long size) {
    if (size > maxSize) {
      throw new ProblemException(Problem.BODY_TOO_LARGE, "the body is larger than " + maxSize + " bytes");
    }
  }

  private void take(int size) {
    if (!freeBytes.tryAcquire(size)) {
      throw new ProblemException(Problem.OVERLOADED, "too many bytes of requests are being processed, try again later");
    }
    taken += size;
  }

  /** Lets go of the body, and frees the bytes that it took. Idempotent. */
  @Override
  public void close() {
    full.clear();
    part = new byte[0];
    partLength = 0;
    freeBytes.release(taken);
    taken = 0;
  }
}
