package dev.workloads.systemtests;

import java.io.BufferedInputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.SocketException;
import java.nio.charset.StandardCharsets;

/** A TCP connection that sends exactly the bytes it is given, right or wrong; used by one thread. */
final class RawConnection implements AutoCloseable {

  private static final int TIMEOUT_MILLIS = 20_000;

  private final Socket socket = new Socket();
  private final InputStream in;

  RawConnection(int port) throws IOException {
    socket.setTcpNoDelay(true);
    socket.connect(new InetSocketAddress("127.0.0.1", port), TIMEOUT_MILLIS);
    socket.setSoTimeout(TIMEOUT_MILLIS);
    in = new BufferedInputStream(socket.getInputStream(), 512);
  }

  /** Sends the text, one byte for each character. */
  RawConnection send(String text) throws IOException {
    return send(text.getBytes(StandardCharsets.ISO_8859_1));
  }

  RawConnection send(byte[] bytes) throws IOException {
    socket.getOutputStream().write(bytes);
    return this;
  }

  /** Sends no more: the other side need not wait for the rest. */
  RawConnection endOutput() throws IOException {
    socket.shutdownOutput();
    return this;
  }

  /** Sends the bytes again and again, up to that many; returns how many the other side let in before it closed. */
  long flood(byte[] bytes, long most) {
    long sent = 0;
    try {
      for (; sent < most; sent += bytes.length) {
        send(bytes);
      }
    } catch (IOException e) {
      return sent; // the answer that is hoped for
    }
    return sent;
  }

  /** Sends a byte, unless the other side has closed the connection. */
  boolean dribble(char c) {
    try {
      send(String.valueOf(c));
      return true;
    } catch (IOException e) {
      return false;
    }
  }

  /** Reads a byte if there is one. */
  void trickle() {
    try {
      if (in.available() > 0) {
        in.read();
      }
    } catch (IOException e) {
      return; // the other side has closed the connection
    }
  }

  /**
   * Reads one HTTP answer.
   *
   * @throws EOFException if the connection was closed before it
   */
  HttpAnswer answer() throws IOException {
    String statusLine = line();
    int length = 0;
    for (String line = line(); !line.isEmpty(); line = line()) {
      String header = line.toLowerCase(java.util.Locale.ROOT);
      length = header.startsWith("content-length:") ? Integer.parseInt(header.substring(15).trim()) : length;
      if (header.matches("transfer-encoding: *chunked")) {
        throw new IOException("no answer of ours is chunked: " + statusLine);
      }
    }
    byte[] body = in.readNBytes(length);
    if (body.length < length) {
      throw new EOFException("closed within an answer");
    }
    if (!statusLine.matches("HTTP/1\\.1 [1-5]\\d\\d .*")) {
      throw new IOException("no status line: " + statusLine);
    }
    return new HttpAnswer(Integer.parseInt(statusLine.substring(9, 12)),
        new String(body, StandardCharsets.UTF_8));
  }

  /** Reads the status of one answer, or 0 if there is none because the connection was reset or closed. */
  int statusOrClosed() throws IOException {
    try {
      return answer().status();
    } catch (SocketException | EOFException e) {
      return 0;
    }
  }

  /** Reads until the other side closes the connection. */
  String rest() throws IOException {
    StringBuilder rest = new StringBuilder();
    try {
      for (int c = in.read(); c >= 0; c = in.read()) {
        rest.append((char) c);
      }
    } catch (SocketException e) {
      return rest.toString(); // a reset is a close, too
    }
    return rest.toString();
  }

  String line() throws IOException {
    StringBuilder line = new StringBuilder();
    for (int c = in.read(); c != '\n'; c = in.read()) {
      if (c < 0) {
        throw new EOFException("closed after: " + line);
      }
      if (c != '\r') {
        line.append((char) c);
      }
    }
    return line.toString();
  }

  byte[] bytes(int count) throws IOException {
    return in.readNBytes(count);
  }

  @Override
  public void close() throws IOException {
    socket.close();
  }

  /** An HTTP answer. */
  record HttpAnswer(int status, String body) {}
}
