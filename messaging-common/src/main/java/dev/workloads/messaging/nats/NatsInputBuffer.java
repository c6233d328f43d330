package dev.workloads.messaging.nats;

import io.nats.client.support.IncomingHeadersProcessor;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Base64;

/**
 * What the server has sent, on its way to jnats: headers that jnats cannot read are wrapped into one that it can, named
 * {@link #WRAPPED_HEADERS}, for {@link NatsMessages} to unwrap.
 *
 * <p>jnats' reading ends for good at a header beyond ASCII or otherwise malformed, which other clients may send, and
 * everybody's requests with it. Used by one thread at a time.
 */
final class NatsInputBuffer {

  /** The header whose value is all headers as they came, in Base64. */
  static final String WRAPPED_HEADERS = "Wrapped-Headers";

  private static final int INITIAL_SIZE = 64 * 1024;
  private static final byte[] MESSAGE = "MSG ".getBytes(StandardCharsets.US_ASCII);
  private static final byte[] MESSAGE_WITH_HEADERS = "HMSG ".getBytes(StandardCharsets.US_ASCII);
  private static final int LINE_END = "\r\n".length();

  // Grows to hold one message's headers, which the server's max_payload bounds
  private byte[] buffer = new byte[INITIAL_SIZE];
  private int start; // jnats has taken the bytes up to here
  private int checked; // jnats can read the bytes up to here
  private int end; // of what has come in
  private boolean greeted; // jnats wants the server's first line by itself, even if an error came along with it
  private int unchecked; // bytes of a payload that need no look

  /** Where the bytes come from. */
  @FunctionalInterface
  interface Source {

    /** Reads as {@link java.io.InputStream#read(byte[], int, int)} does. */
    int read(byte[] target, int offset, int length) throws IOException;
  }

  /** Reads as {@link java.io.InputStream#read(byte[], int, int)} does. */
  int read(Source source, byte[] target, int offset, int length) throws IOException {
    check();
    while (start == checked) {
      makeRoom();
      int count = source.read(buffer, end, buffer.length - end);
      if (count < 0) {
        return count;
      }
      end += count;
      check();
    }
    int count = Math.min(length, checked - start);
    System.arraycopy(buffer, start, target, offset, count);
    start += count;
    return count;
  }

  private void makeRoom() {
    System.arraycopy(buffer, start, buffer, 0, end - start);
    end -= start;
    checked = 0;
    start = 0;
    if (end == buffer.length) {
      buffer = Arrays.copyOf(buffer, 2 * end);
    }
  }

  /** Goes on through the protocol as far as it has come in: a control line, and for a message its headers and payload. */
  private void check() {
    while (checked < end) {
      int skipped = Math.min(unchecked, end - checked);
      unchecked -= skipped;
      checked += skipped;
      int lineEnd = lineEnd();
      if (lineEnd < 0) {
        return;
      }
      if (!greeted) {
        greeted = true;
        checked = lineEnd;
        return;
      }
      if (startsWith(MESSAGE_WITH_HEADERS)) {
        if (!checkHeaders(lineEnd)) {
          return;
        }
      } else {
        unchecked = startsWith(MESSAGE) ? number(lineEnd - LINE_END) + LINE_END : 0;
        checked = lineEnd;
      }
    }
  }

  /** Returns false if they have not come in whole. */
  private boolean checkHeaders(int lineEnd) {
    int total = number(lineEnd - LINE_END);
    int beforeTotal = lastBlank(lineEnd - LINE_END);
    int length = number(beforeTotal);
    if (end - lineEnd < length) {
      return false;
    }
    byte[] headers = Arrays.copyOfRange(buffer, lineEnd, lineEnd + length);
    int payload = total - length + LINE_END;
    if (isReadable(headers)) {
      checked = lineEnd + length;
    } else {
      replace(lineEnd + length, line(lastBlank(beforeTotal), headers, total - length));
    }
    unchecked = payload;
    return true;
  }

  // jnats' own reader of headers decides
  private static boolean isReadable(byte[] headers) {
    try {
      new IncomingHeadersProcessor(headers);
      return true;
    } catch (RuntimeException e) {
      return false;
    }
  }

  /** Returns the control line, as far as to the lengths, with new lengths and the wrapped headers. */
  private byte[] line(int lengthsAt, byte[] headers, int payload) {
    String wrapped = "NATS/1.0\r\n" + WRAPPED_HEADERS + ":" + Base64.getEncoder().encodeToString(headers) + "\r\n\r\n";
    String begin = new String(buffer, checked, lengthsAt - checked, StandardCharsets.ISO_8859_1);
    return (begin + " " + wrapped.length() + " " + (wrapped.length() + payload) + "\r\n" + wrapped)
        .getBytes(StandardCharsets.ISO_8859_1);
  }

  /** Puts the bytes in place of those from the checked ones to here. */
  private void replace(int to, byte[] bytes) {
    byte[] replaced = new byte[Math.max(buffer.length, checked + bytes.length + end - to)];
    System.arraycopy(buffer, 0, replaced, 0, checked);
    System.arraycopy(bytes, 0, replaced, checked, bytes.length);
    System.arraycopy(buffer, to, replaced, checked + bytes.length, end - to);
    end += bytes.length - (to - checked);
    checked += bytes.length;
    buffer = replaced;
  }

  private boolean startsWith(byte[] operation) {
    return end - checked >= operation.length
        && Arrays.equals(buffer, checked, checked + operation.length, operation, 0, operation.length);
  }

  /** Returns the position after the line's end, or -1. */
  private int lineEnd() {
    for (int i = checked; i < end; i++) {
      if (buffer[i] == '\n') {
        return i + 1;
      }
    }
    return -1;
  }

  private int lastBlank(int before) {
    int i = before - 1;
    while (i > checked && buffer[i] != ' ') {
      i--;
    }
    return i;
  }

  private int number(int end) {
    int number = 0;
    for (int i = lastBlank(end) + 1; i < end; i++) {
      number = 10 * number + buffer[i] - '0';
    }
    return number;
  }
}
