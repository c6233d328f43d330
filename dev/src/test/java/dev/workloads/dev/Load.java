package dev.workloads.dev;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import java.util.function.LongFunction;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A steady load of tasks over several connections, each with a payload of its own whose echo is checked. A request is sent
 * again only if its connection ended without one byte of an answer; then the client moves to the next server.
 */
final class Load implements AutoCloseable {

  private static final Pattern REASON = Pattern.compile("\"reason\":\"([a-z-]+)\"");
  private static final int MAX_RESENDS = 200;

  private final Tally tally = new Tally();
  private final int[] ports;
  private final long pauseNanos;
  private final LongFunction<String> payload;
  private final ExecutorService threads;
  private final AtomicLong ids = new AtomicLong();
  private volatile boolean running = true;

  private Load(int connections, int perSecond, LongFunction<String> payload, int... ports) {
    this.ports = ports;
    this.pauseNanos = perSecond == 0 ? 0 : connections * 1_000_000_000L / perSecond;
    this.payload = payload;
    this.threads = Executors.newFixedThreadPool(connections);
    for (int i = 0; i < connections; i++) {
      int connection = i;
      threads.execute(() -> run(connection));
    }
  }

  /** Starts 32 connections that send 600 requests a second in all to echo workers behind these servers. */
  static Load start(App... servers) {
    return start(32, 600, id -> "request " + id, servers);
  }

  /** Starts a load; 0 requests per second is as fast as answers come. */
  static Load start(int connections, int perSecond, LongFunction<String> payload, App... servers) {
    int[] ports = java.util.Arrays.stream(servers).mapToInt(App::port).toArray();
    return new Load(connections, perSecond, payload, ports);
  }

  Tally tally() {
    return tally;
  }

  /** Blocks until that many more requests have been answered right. */
  void awaitRight(long more) {
    long target = tally.count(Tally.RIGHT) + more;
    org.awaitility.Awaitility.await().atMost(java.time.Duration.ofSeconds(60))
        .pollInterval(java.time.Duration.ofMillis(10)).until(() -> tally.count(Tally.RIGHT) >= target);
  }

  /** Ends the load once all its requests have their answers, and returns what became of them. */
  Tally stop() {
    running = false;
    threads.shutdown();
    try {
      if (!threads.awaitTermination(30, TimeUnit.SECONDS)) {
        tally.lost("a request is still waiting");
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    return tally;
  }

  @Override
  public void close() {
    running = false;
    threads.shutdownNow();
  }

  private void run(int number) {
    List<HttpConnection> open = new ArrayList<>(1);
    int server = number % ports.length;
    long next = System.nanoTime() + pauseNanos * number / 32;
    while (running) {
      LockSupport.parkNanos(next - System.nanoTime()); // the pace of the load
      next = Math.max(next + pauseNanos, System.nanoTime() - 10 * pauseNanos);
      server = send(payload.apply(ids.incrementAndGet()), open, server);
    }
    open.forEach(HttpConnection::close);
  }

  private int send(String text, List<HttpConnection> open, int firstServer) {
    int server = firstServer;
    for (int attempt = 0; attempt < MAX_RESENDS; attempt++) {
      try {
        if (open.isEmpty()) {
          open.add(new HttpConnection(ports[server]));
        }
        HttpConnection.Answer answer = open.get(0).post("{\"worker\": \"test\", \"payload\": \"" + text + "\"}");
        if (answer.closes()) {
          open.remove(0).close();
          server = (server + 1) % ports.length;
        }
        count(text, answer);
        return server;
      } catch (HttpConnection.NoAnswerException | java.net.ConnectException e) {
        open.forEach(HttpConnection::close);
        open.clear();
        server = (server + 1) % ports.length;
        LockSupport.parkNanos(5_000_000);
      } catch (IOException | RuntimeException e) {
        open.forEach(HttpConnection::close);
        open.clear();
        tally.lost(text.substring(0, Math.min(40, text.length())) + ": " + e);
        return server;
      }
    }
    tally.lost("no server took it");
    return server;
  }

  private void count(String text, HttpConnection.Answer answer) {
    if (answer.status() == 200 && answer.body().equals(text)) {
      tally.right();
    } else if (answer.status() == 200) {
      tally.lost("wrong answer to " + text.substring(0, Math.min(40, text.length())));
    } else {
      Matcher reason = REASON.matcher(answer.body());
      tally.error(reason.find() ? reason.group(1) : "status " + answer.status(),
          text.substring(0, Math.min(40, text.length())));
    }
  }
}
