package dev.workloads.systemtests;

import java.io.BufferedInputStream;
import java.io.ByteArrayOutputStream;
import java.io.EOFException;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** One keep-alive connection to an HTTP server, which tells whether an answer had begun when it broke. */
final class HttpConnection implements AutoCloseable {

  private static final int TIMEOUT_MILLIS = 15_000;

  private final Socket socket = new Socket();
  private final InputStream in;

  /** Connects to the port on the loopback interface. */
  HttpConnection(int port) throws IOException {
    socket.setTcpNoDelay(true);
    socket.connect(new InetSocketAddress("127.0.0.1", port), TIMEOUT_MILLIS);
    socket.setSoTimeout(TIMEOUT_MILLIS);
    in = new BufferedInputStream(socket.getInputStream());
  }

  /**
   * Posts a task and reads the answer.
   *
   * @param headers further ones, such as {@code Prefer: respond-async}
   * @throws NoAnswerException if the connection ended without one byte of an answer
   */
  Answer post(String json, String... headers) throws IOException {
    byte[] body = json.getBytes(StandardCharsets.UTF_8);
    ByteArrayOutputStream request = new ByteArrayOutputStream(body.length + 200);
    request.writeBytes(("POST /task HTTP/1.1\r\nHost: localhost\r\nAccept: application/problem+json\r\nContent-Length: "
        + body.length + "\r\n" + Stream.of(headers).map(header -> header + "\r\n").collect(Collectors.joining())
        + "\r\n").getBytes(StandardCharsets.US_ASCII));
    request.writeBytes(body);
    int first;
    try {
      socket.getOutputStream().write(request.toByteArray());
      first = in.read();
    } catch (java.net.SocketTimeoutException e) {
      throw e;
    } catch (IOException e) {
      throw new NoAnswerException(e);
    }
    if (first < 0) {
      throw new NoAnswerException(null);
    }
    return readAnswer((char) first);
  }

  private Answer readAnswer(char first) throws IOException {
    String statusLine = first + readLine();
    Map<String, String> headers = new TreeMap<>();
    for (String line = readLine(); !line.isEmpty(); line = readLine()) {
      int colon = line.indexOf(':');
      headers.put(line.substring(0, colon).toLowerCase(Locale.ROOT), line.substring(colon + 1).trim());
    }
    int length = Integer.parseInt(headers.getOrDefault("content-length", "0"));
    byte[] body = in.readNBytes(length);
    if (body.length < length) {
      throw new EOFException("an answer broke off");
    }
    return new Answer(Integer.parseInt(statusLine.split(" ")[1]), headers, new String(body, StandardCharsets.UTF_8));
  }

  private String readLine() throws IOException {
    StringBuilder line = new StringBuilder();
    for (int c = in.read(); c != '\n'; c = in.read()) {
      if (c < 0) {
        throw new EOFException("an answer broke off");
      }
      if (c != '\r') {
        line.append((char) c);
      }
    }
    return line.toString();
  }

  @Override
  public void close() {
    try {
      socket.close();
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }

  /** An HTTP answer; header names are in lower case. */
  record Answer(int status, Map<String, String> headers, String body) {

    boolean closes() {
      return "close".equals(headers.get("connection"));
    }
  }

  /** The connection ended without one byte of an answer: the request may be sent again. */
  static final class NoAnswerException extends IOException {

    private static final long serialVersionUID = 1L;

    NoAnswerException(Throwable cause) {
      super("no answer", cause);
    }
  }
}
