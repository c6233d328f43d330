package dev.workloads.httpapi;

import jakarta.servlet.ServletInputStream;
import java.io.IOException;
import java.util.Arrays;

/**
 * The body of one request as far as it has come in, within the limit for one body and the budget for all.
 *
 * <p>Used by one thread at a time.
 */
final class RequestBody implements AutoCloseable {

  // Small: thousands of clients that send nothing more must not use up the budget
  private static final int FIRST_SIZE = 512;

  private final Budget budget;
  private final int maxSize;
  private final int expected;
  private byte[] bytes;
  private int length;
  private boolean closed;

  /**
   * Takes the first memory for a body.
   *
   * @param contentLength the length that the client announced, or -1
   * @throws ProblemException if it is too large, or if there is no memory for it now
   */
  RequestBody(Budget budget, int maxSize, long contentLength) {
    this.budget = budget;
    this.maxSize = maxSize;
    requireSize(contentLength);
    expected = (int) (contentLength < 0 ? maxSize : contentLength);
    int size = Math.min(expected, FIRST_SIZE);
    take(size);
    bytes = new byte[size];
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
    if (length == maxSize) {
      requireEnd(in);
      return false;
    }
    if (length == bytes.length) {
      grow();
    }
    int count = in.read(bytes, length, bytes.length - length);
    length += Math.max(count, 0);
    return count >= 0;
  }

  byte[] bytes() {
    return length == bytes.length ? bytes : Arrays.copyOf(bytes, length);
  }

  private void requireEnd(ServletInputStream in) throws IOException {
    if (in.read() >= 0) {
      requireSize(length + 1L);
    }
  }

  private void grow() {
    int size = (int) Math.min(Math.max(expected, length + 1), 2L * Math.max(bytes.length, FIRST_SIZE));
    take(size - bytes.length);
    bytes = Arrays.copyOf(bytes, size);
  }

  private void requireSize(long size) {
    if (size > maxSize) {
      throw new ProblemException(Problem.BODY_TOO_LARGE, "the body is larger than " + maxSize + " bytes");
    }
  }

  private void take(int size) {
    if (!budget.tryTake(size)) {
      throw new ProblemException(Problem.OVERLOADED, "too many bytes of requests are being processed, try again later");
    }
  }

  /** Gives the memory back to the budget. Idempotent. */
  @Override
  public void close() {
    if (!closed) {
      closed = true;
      budget.giveBack(bytes.length);
    }
  }
}
