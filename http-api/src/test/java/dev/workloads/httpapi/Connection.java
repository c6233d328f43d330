package dev.workloads.httpapi;

import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.Socket;
import java.net.SocketException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/** An HTTP/1.1 client that sends exactly the bytes it is given. */
final class Connection implements AutoCloseable {

  // Longer than any answer takes, so that a missing one fails the test and does not stop it
  private static final Duration READ_TIMEOUT = Duration.ofSeconds(20);

  private final Socket socket;
  private final InputStream in;

  Connection(int port) throws IOException {
    socket = new Socket(InetAddress.getLoopbackAddress(), port);
    socket.setSoTimeout((int) READ_TIMEOUT.toMillis());
    socket.setTcpNoDelay(true);
    in = new BufferedInputStream(socket.getInputStream());
  }

  /** Sends the text, one byte for each character. */
  Connection send(String text) throws IOException {
    return send(text.getBytes(StandardCharsets.ISO_8859_1));
  }

  Connection send(byte[] bytes) throws IOException {
    socket.getOutputStream().write(bytes);
    return this;
  }

  /** Sends until the server does not take any more. */
  void sendUntilRefused(byte[] bytes) {
    try {
      while (!socket.isClosed()) {
        send(bytes);
      }
    } catch (IOException e) {
      // what the caller waits for
    }
  }

  Answer answer() throws IOException {
    return read(true);
  }

  /** Reads the answer to HEAD. */
  Answer answerWithoutBody() throws IOException {
    return read(false);
  }

  private Answer read(boolean withBody) throws IOException {
    String statusLine = line();
    if (!statusLine.matches("HTTP/1\\.1 [1-5][0-9][0-9]( .*)?")) {
      throw new IOException("not a status line: " + statusLine);
    }
    int status = Integer.parseInt(statusLine.substring(9, 12));
    Map<String, List<String>> headers = new TreeMap<>(String.CASE_INSENSITIVE_ORDER);
    for (String line = line(); !line.isEmpty(); line = line()) {
      int colon = line.indexOf(':');
      headers.computeIfAbsent(line.substring(0, colon), name -> new ArrayList<>())
          .add(line.substring(colon + 1).trim());
    }
    Answer head = new Answer(status, headers, new byte[0]);
    return withBody && status >= 200 && status != 204 && status != 304 ? new Answer(status, headers, body(head)) : head;
  }

  private byte[] body(Answer head) throws IOException {
    if ("chunked".equals(head.header("Transfer-Encoding"))) {
      ByteArrayOutputStream body = new ByteArrayOutputStream();
      for (int size = Integer.parseInt(line(), 16); size > 0; size = Integer.parseInt(line(), 16)) {
        body.write(exactly(size));
        line();
      }
      line();
      return body.toByteArray();
    }
    String length = head.header("Content-Length");
    return length == null ? rest() : exactly(Integer.parseInt(length));
  }

  /** Reads the next chunk of an answer; the last one is empty. */
  String chunk() throws IOException {
    byte[] chunk = exactly(Integer.parseInt(line(), 16));
    line();
    return new String(chunk, StandardCharsets.UTF_8);
  }

  /** Reads up to that many bytes of what comes, whatever it is. */
  byte[] take(int most) throws IOException {
    return in.readNBytes(most);
  }

  private byte[] exactly(int size) throws IOException {
    byte[] bytes = in.readNBytes(size);
    if (bytes.length < size) {
      throw new EOFException("closed within a body");
    }
    return bytes;
  }

  private String line() throws IOException {
    ByteArrayOutputStream line = new ByteArrayOutputStream();
    for (int c = in.read(); c != '\n'; c = in.read()) {
      if (c < 0) {
        throw new EOFException("closed after " + line);
      }
      line.write(c);
    }
    return line.toString(StandardCharsets.ISO_8859_1).replaceAll("\r$", "");
  }

  /** Reads until the server closes the connection. */
  byte[] rest() throws IOException {
    ByteArrayOutputStream rest = new ByteArrayOutputStream();
    try {
      in.transferTo(rest);
    } catch (SocketException e) {
      // a reset is a close, too
    }
    return rest.toByteArray();
  }

  /** Ends the client's side, as a client does that has sent all. */
  Connection endOutput() throws IOException {
    socket.shutdownOutput();
    return this;
  }

  /** Breaks the connection off with a reset. */
  void reset() throws IOException {
    socket.setSoLinger(true, 0);
    socket.close();
  }

  @Override
  public void close() throws IOException {
    socket.close();
  }
}
