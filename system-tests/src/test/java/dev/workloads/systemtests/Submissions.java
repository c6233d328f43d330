package dev.workloads.systemtests;

import java.io.IOException;
import java.net.ConnectException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Durable tasks that clients submit over HTTP, side by side and each with a text of its own. A client with keys repeats
 * what was not accepted; one without repeats only what no server has taken, as one that refuses the connection.
 */
final class Submissions implements AutoCloseable {

  private static final int CLIENTS = 16;
  private static final Duration PATIENCE = Duration.ofSeconds(60);
  private static final Pattern REASON = Pattern.compile("\"reason\":\"([a-z-]+)\"");

  private final WorkerKind kind;
  private final String name;
  private final boolean keys;
  private final int[] ports;
  private final Map<String, String> accepted = new ConcurrentHashMap<>();
  private final Tally tally = new Tally();
  private final ExecutorService threads = Executors.newFixedThreadPool(CLIENTS);

  private Submissions(WorkerKind kind, String name, boolean keys, App... servers) {
    this.kind = kind;
    this.name = name;
    this.keys = keys;
    this.ports = Arrays.stream(servers).mapToInt(App::port).toArray();
  }

  /** Starts 16 clients that submit so many tasks to a worker within the time; zero is as fast as they are accepted. */
  static Submissions start(WorkerKind kind, String name, int count, Duration time, boolean keys, App... servers) {
    Submissions submissions = new Submissions(kind, name, keys, servers);
    long pauseNanos = time.toNanos() * CLIENTS / count;
    for (int i = 0; i < CLIENTS; i++) {
      int client = i;
      submissions.threads.execute(() -> submissions.run(client, count, pauseNanos));
    }
    return submissions;
  }

  private void run(int client, int count, long pauseNanos) {
    List<HttpConnection> open = new ArrayList<>(1);
    int server = client % ports.length;
    long next = System.nanoTime() + pauseNanos * client / CLIENTS;
    for (int i = client; i < count; i += CLIENTS) {
      LockSupport.parkNanos(next - System.nanoTime()); // the pace of the clients
      next += pauseNanos;
      server = submit(name + " " + i, open, server);
    }
    open.forEach(HttpConnection::close);
  }

  private int submit(String text, List<HttpConnection> open, int firstServer) {
    int server = firstServer;
    long begin = System.nanoTime();
    while (System.nanoTime() - begin < PATIENCE.toNanos()) {
      try {
        if (open.isEmpty()) {
          open.add(new HttpConnection(ports[server]));
        }
        HttpConnection.Answer answer = post(open.get(0), text);
        if (answer.closes()) {
          open.remove(0).close();
          server = (server + 1) % ports.length;
        }
        if (answer.status() == 202) {
          accepted.put(answer.headers().get("location").substring("/task/".length()), text);
          tally.add(Tally.RIGHT, text, System.nanoTime() - begin);
          return server;
        }
        Matcher reason = REASON.matcher(answer.body());
        tally.add(reason.find() ? reason.group(1) : "status " + answer.status(), text, System.nanoTime() - begin);
        if (!keys) {
          return server;
        }
      } catch (IOException e) {
        open.forEach(HttpConnection::close);
        open.clear();
        server = (server + 1) % ports.length;
        if (!keys && !(e instanceof ConnectException)) {
          tally.add("no answer", text, System.nanoTime() - begin);
          return server;
        }
      }
      LockSupport.parkNanos(20_000_000);
    }
    tally.add(Tally.LOST, text + ": not accepted", System.nanoTime() - begin);
    return server;
  }

  private HttpConnection.Answer post(HttpConnection connection, String text) throws IOException {
    String json = "{\"worker\": \"" + kind.jobs() + "\", \"payload\": \"" + kind.work(text) + "\"}";
    return keys ? connection.post(json, "Prefer: respond-async", "Idempotency-Key: \"" + text + "\"")
        : connection.post(json, "Prefer: respond-async");
  }

  /** Returns the texts of the tasks that were accepted so far, by their ids. */
  Map<String, String> accepted() {
    return accepted;
  }

  /** Returns the right answer to a task with the text. */
  String answer(String text) {
    return kind.answer(kind.work(text));
  }

  WorkerKind kind() {
    return kind;
  }

  /** Waits for the clients, and returns what became of each submission; what was accepted is {@link Tally#RIGHT}. */
  Tally await() {
    return tally.awaitEnd(threads, PATIENCE.multipliedBy(5));
  }

  /** Returns what has become of each submission so far. */
  Tally tally() {
    return tally;
  }

  @Override
  public void close() throws InterruptedException {
    threads.shutdownNow();
    threads.awaitTermination(1, TimeUnit.SECONDS);
  }
}
