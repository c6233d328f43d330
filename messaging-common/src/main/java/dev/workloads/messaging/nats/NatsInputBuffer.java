package dev.workloads.messaging.nats;

import io.nats.client.support.IncomingHeadersProcessor;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Base64;

/**
 * Holds what the server has sent until jnats takes it, and wraps headers that jnats cannot read into one header that it can,
 * {@link #WRAPPED_HEADERS}. {@link NatsMessages} unwraps them.
 *
 * <p>Other clients may send headers that are malformed or beyond ASCII. One of them would end jnats' reading for good, and with
 * it the requests of everybody. Used by one thread at a time.
 */
final class NatsInputBuffer {

  /** The header whose value is all headers as they came, in Base64. */
  static final String WRAPPED_HEADERS = "Wrapped-Headers";

  private static final int INITIAL_SIZE = 64 * 1024;
  // The first byte tells the server's operations apart: INFO, MSG, HMSG, PING, PONG, +OK, -ERR
  private static final byte GREETING = 'I';
  private static final byte MESSAGE = 'M';
  private static final byte MESSAGE_WITH_HEADERS = 'H';
  private static final int LINE_END = "\r\n".length();

  // Grows to hold one message's headers, which the server's max_payload bounds
  private byte[] buffer = new byte[INITIAL_SIZE];
  private int start; // jnats has taken the bytes up to here
  private int checked; // jnats can read the bytes up to here
  private int end; // of what has come in
  private int unchecked; // bytes of a payload, which may hold anything

  /** Reads as {@link InputStream#read(byte[], int, int)} of the source does. */
  int read(InputStream source, byte[] target, int offset, int length) throws IOException {
    for (check(); start == checked; check()) {
      makeRoom();
      int count = source.read(buffer, end, buffer.length - end);
      if (count < 0) {
        return count;
      }
      end += count;
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

  /** Checks what has come in as far as it is whole: a control line, and for a message its headers and payload. */
  private void check() {
    boolean whole = true;
    while (whole && checked < end) {
      int skipped = Math.min(unchecked, end - checked);
      unchecked -= skipped;
      checked += skipped;
      int lineEnd = lineEnd();
      whole = lineEnd > 0 && checkOperation(buffer[checked], lineEnd);
    }
  }

  /** Returns false if jnats needs more, or is to take what is checked before what follows. */
  private boolean checkOperation(byte operation, int lineEnd) {
    if (operation == MESSAGE_WITH_HEADERS) {
      return checkHeaders(lineEnd);
    }
    unchecked = operation == MESSAGE ? number(lineEnd - LINE_END) + LINE_END : 0;
    checked = lineEnd;
    return operation != GREETING; // jnats wants the greeting by itself, even if an error came along with it
  }

  /** Returns false if the headers have not come in whole. */
  private boolean checkHeaders(int lineEnd) {
    int total = number(lineEnd - LINE_END);
    int totalAt = lastBlank(lineEnd - LINE_END);
    int length = number(totalAt);
    int headersEnd = lineEnd + length;
    if (end < headersEnd) {
      return false;
    }
    byte[] headers = Arrays.copyOfRange(buffer, lineEnd, headersEnd);
    if (!isReadable(headers)) {
      headersEnd = replace(headersEnd, wrapped(lastBlank(totalAt), headers, total - length));
    }
    checked = headersEnd;
    unchecked = total - length + LINE_END;
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

  /** Returns the control line up to the lengths, new lengths, and the headers wrapped into one. */
  private byte[] wrapped(int lengthsAt, byte[] headers, int payload) {
    String wrapped = "NATS/1.0\r\n" + WRAPPED_HEADERS + ":" + Base64.getEncoder().encodeToString(headers) + "\r\n\r\n";
    String begin = new String(buffer, checked, lengthsAt - checked, StandardCharsets.ISO_8859_1);
    return (begin + " " + wrapped.length() + " " + (wrapped.length() + payload) + "\r\n" + wrapped)
        .getBytes(StandardCharsets.ISO_8859_1);
  }

  /** Puts the bytes in place of those between what is checked and {@code to}; returns where they end. */
  private int replace(int to, byte[] bytes) {
    byte[] rest = Arrays.copyOfRange(buffer, to, end);
    int bytesEnd = checked + bytes.length;
    end = bytesEnd + rest.length;
    buffer = Arrays.copyOf(buffer, Math.max(buffer.length, end));
    System.arraycopy(bytes, 0, buffer, checked, bytes.length);
    System.arraycopy(rest, 0, buffer, bytesEnd, rest.length);
    return bytesEnd;
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
