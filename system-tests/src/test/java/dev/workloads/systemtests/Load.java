package dev.workloads.systemtests;

import java.io.IOException;
import java.net.ConnectException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import java.util.function.LongFunction;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.awaitility.Awaitility;

/**
 * A load of tasks over several connections, each with a payload of its own whose answer is checked. A request is sent again
 * only if its connection ended without one byte of an answer; then the client moves to the next server.
 *
 * <p>Threads: one for each connection, with a small stack since there may be thousands.
 */
final class Load implements AutoCloseable {

  private static final Pattern REASON = Pattern.compile("\"reason\":\"([a-z-]+)\"");
  private static final int MAX_RESENDS = 200;
  private static final int STACK_SIZE = 256 << 10;

  private final WorkerKind worker;
  private final int[] ports;
  private final int connections;
  private final long pauseNanos;
  private final LongFunction<String> payload;
  private final ExecutorService threads;
  private final AtomicLong ids = new AtomicLong();
  private final CountDownLatch connected;
  private volatile Tally tally = new Tally();
  private volatile boolean running = true;

  private Load(WorkerKind worker, int connections, int perSecond, LongFunction<String> payload, App... servers) {
    this.worker = worker;
    this.ports = Arrays.stream(servers).mapToInt(App::port).toArray();
    this.connections = connections;
    this.pauseNanos = perSecond == 0 ? 0 : connections * 1_000_000_000L / perSecond;
    this.payload = payload;
    this.connected = new CountDownLatch(connections);
    this.threads = Executors.newFixedThreadPool(connections, task -> new Thread(null, task, "load", STACK_SIZE));
  }

  /** Starts 32 connections that send 600 requests a second in all to workers behind these servers. */
  static Load start(WorkerKind worker, App... servers) {
    return start(worker, 32, 600, id -> "request " + id, servers);
  }

  /** Starts a load; 0 requests per second is as fast as answers come. */
  static Load start(WorkerKind worker, int connections, int perSecond, LongFunction<String> payload, App... servers) {
    Load load = new Load(worker, connections, perSecond, payload, servers);
    for (int i = 0; i < connections; i++) {
      int connection = i;
      load.threads.execute(() -> load.run(connection));
    }
    return load;
  }

  /** Opens the connections, then sends one request over each at once. */
  static Load burst(WorkerKind worker, int connections, App server) {
    Load load = new Load(worker, connections, 0, id -> "request " + id, server);
    for (int i = 0; i < connections; i++) {
      load.threads.execute(load::sendOne);
    }
    return load;
  }

  /** Returns the tally of the requests begun now. */
  Tally tally() {
    return tally;
  }

  /** Blocks until that many more requests have been answered right. */
  void awaitRight(int more) {
    Tally counted = tally;
    int target = counted.count(Tally.RIGHT) + more;
    Awaitility.await().atMost(Duration.ofSeconds(60)).pollInterval(Duration.ofMillis(10))
        .until(() -> counted.count(Tally.RIGHT) >= target);
  }

  /** Counts the requests begun from now on in a tally of their own, and returns the one of those begun before. */
  synchronized Tally next() {
    Tally former = tally;
    tally = new Tally();
    return former;
  }

  /** Ends the load once all its requests have their answers, and returns what became of those begun last. */
  Tally stop() {
    running = false;
    return tally.awaitEnd(threads, Duration.ofSeconds(60));
  }

  @Override
  public void close() {
    running = false;
    threads.shutdownNow();
  }

  private void run(int number) {
    List<HttpConnection> open = new ArrayList<>(1);
    int server = number % ports.length;
    long next = System.nanoTime() + pauseNanos * number / connections;
    while (running) {
      LockSupport.parkNanos(next - System.nanoTime()); // the pace of the load
      next = Math.max(next + pauseNanos, System.nanoTime() - 10 * pauseNanos);
      server = send(payload.apply(ids.incrementAndGet()), open, server);
    }
    open.forEach(HttpConnection::close);
  }

  private void sendOne() {
    List<HttpConnection> open = new ArrayList<>(1);
    try {
      open.add(new HttpConnection(ports[0]));
      connected.countDown();
      connected.await();
    } catch (IOException e) {
      connected.countDown();
    } catch (InterruptedException e) {
      return; // closed
    }
    send(payload.apply(ids.incrementAndGet()), open, 0);
    open.forEach(HttpConnection::close);
  }

  private int send(String text, List<HttpConnection> open, int firstServer) {
    Tally counted = tally;
    long begin = System.nanoTime();
    String start = text.substring(0, Math.min(Tally.SHOWN, text.length()));
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
        String outcome = outcome(text, answer);
        counted.add(outcome, start, System.nanoTime() - begin);
        return server;
      } catch (HttpConnection.NoAnswerException | ConnectException e) {
        open.forEach(HttpConnection::close);
        open.clear();
        server = (server + 1) % ports.length;
        LockSupport.parkNanos(5_000_000);
      } catch (IOException | RuntimeException e) {
        open.forEach(HttpConnection::close);
        open.clear();
        counted.add(Tally.LOST, start + ": " + e, System.nanoTime() - begin);
        return server;
      }
    }
    counted.add(Tally.LOST, start + ": no server took it", System.nanoTime() - begin);
    return server;
  }

  private String outcome(String text, HttpConnection.Answer answer) {
    if (answer.status() == 200) {
      return answer.body().equals(worker.answer(text)) ? Tally.RIGHT : Tally.LOST;
    }
    Matcher reason = REASON.matcher(answer.body());
    return reason.find() ? reason.group(1) : "status " + answer.status();
  }
}
