package dev.workloads.systemtests;

import java.io.IOException;
import java.time.Duration;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;

/** Well-behaved clients of an echo worker, who notice how long their answers take. */
final class Callers implements AutoCloseable {

  private static final int CONNECTIONS = 4;
  private static final long PAUSE_NANOS = 10_000_000; // 400 requests per second at the most

  private final Tally tally = new Tally();
  private final Queue<Long> nanos = new ConcurrentLinkedQueue<>();
  private final ExecutorService threads = Executors.newFixedThreadPool(CONNECTIONS);
  private final int port;
  private volatile boolean running = true;

  private Callers(App server) {
    port = server.port();
    for (int i = 0; i < CONNECTIONS; i++) {
      int caller = i;
      threads.execute(() -> run(caller));
    }
  }

  static Callers start(App server) {
    return new Callers(server);
  }

  private void run(int caller) {
    for (int i = 0; running; ) {
      try (HttpConnection connection = new HttpConnection(port)) {
        for (boolean open = true; open && running; i++) {
          open = call(connection, caller + "/" + i);
          LockSupport.parkNanos(PAUSE_NANOS); // the pace of the callers
        }
      } catch (IOException e) {
        tally.add(Tally.LOST, e.toString(), 0);
        return;
      }
    }
  }

  private boolean call(HttpConnection connection, String text) throws IOException {
    long start = System.nanoTime();
    HttpConnection.Answer answer = connection.post("{\"worker\": \"test\", \"payload\": \"" + text + "\"}");
    nanos.add(System.nanoTime() - start);
    if (answer.status() == 200 && answer.body().equals(text)) {
      tally.add(Tally.RIGHT, text, System.nanoTime() - start);
    } else {
      tally.add(Tally.LOST, text + " was answered " + answer, System.nanoTime() - start);
    }
    return !answer.closes();
  }

  Tally tally() {
    return tally;
  }

  /** Forgets the times so far and waits for that many answers. */
  void measure(int answers) {
    nanos.clear();
    org.awaitility.Awaitility.await().atMost(60, TimeUnit.SECONDS).pollInterval(10, TimeUnit.MILLISECONDS)
        .until(() -> nanos.size() >= answers || tally.count(Tally.LOST) > 0);
  }

  /** Returns whether there are enough answers to say how long they take. */
  boolean haveSeenEnough() {
    return nanos.size() >= 300 || tally.count(Tally.LOST) > 0;
  }

  /** Returns the 99th percentile in milliseconds. */
  double p99() {
    long[] sorted = nanos.stream().mapToLong(Long::longValue).sorted().toArray();
    return sorted.length == 0 ? 0 : sorted[(int) (sorted.length * 0.99)] / 1e6;
  }

  /** Ends the load once all its requests have their answers. */
  Tally stop() {
    running = false;
    return tally.awaitEnd(threads, Duration.ofSeconds(20));
  }

  @Override
  public void close() {
    running = false;
    threads.shutdownNow();
  }

  @Override
  public String toString() {
    return tally + " " + tally.texts(Tally.LOST);
  }
}
