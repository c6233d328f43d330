package dev.workloads.benchmarks;

import static java.nio.charset.StandardCharsets.US_ASCII;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.Socket;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;

/**
 * Reads streams over HTTP for a while, and prints parts a second, and the microseconds from a part's sending to its arrival at
 * p50 and p99: {@code StreamLoad PORT STREAMS RATE SECONDS}.
 */
public final class StreamLoad {

  private StreamLoad() {}

  /** Ends by itself. */
  public static void main(String[] args) throws Exception {
    int port = Integer.parseInt(args[0]);
    int streams = Integer.parseInt(args[1]);
    long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(Long.parseLong(args[3]));
    ExecutorService threads = Executors.newFixedThreadPool(streams);
    List<Future<List<Long>>> readers = new ArrayList<>();
    for (int i = 0; i < streams; i++) {
      readers.add(threads.submit(() -> read(port, args[2], end)));
    }
    List<Long> micros = new ArrayList<>();
    for (Future<List<Long>> reader : readers) {
      micros.addAll(reader.get());
    }
    threads.shutdown();
    Collections.sort(micros);
    System.out.printf("%.0f\t%d\t%d%n", micros.size() / Double.parseDouble(args[3]), micros.get(micros.size() / 2),
        micros.get(micros.size() * 99 / 100));
  }

  private static List<Long> read(int port, String rate, long end) throws IOException {
    String body = "{\"worker\": \"stream\", \"payload\": \"" + rate + "\"}";
    List<Long> micros = new ArrayList<>();
    try (Socket socket = new Socket("127.0.0.1", port)) {
      socket.getOutputStream().write(("POST /task HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n"
          + "Content-Length: " + body.length() + "\r\n\r\n" + body).getBytes(US_ASCII));
      BufferedReader in = new BufferedReader(new InputStreamReader(socket.getInputStream(), US_ASCII));
      for (String line = in.readLine(); line != null && System.nanoTime() < end; line = in.readLine()) {
        if (line.startsWith("data: ")) {
          micros.add(ChronoUnit.MICROS.between(Instant.EPOCH, Instant.now()) - Long.parseLong(line.substring(6)));
        } else if (line.startsWith("event: ")) {
          throw new IOException("the stream ended: " + line);
        }
      }
    }
    return micros;
  }
}
