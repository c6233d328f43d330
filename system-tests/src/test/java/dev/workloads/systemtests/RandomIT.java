package dev.workloads.systemtests;

import static org.assertj.core.api.Assertions.assertThat;

import dev.workloads.messaging.test.NatsServer;
import io.nats.client.Connection;
import io.nats.client.Dispatcher;
import io.nats.client.Message;
import io.nats.client.Nats;
import io.nats.client.impl.Headers;
import java.io.EOFException;
import java.io.IOException;
import java.net.SocketException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * Random input through both doors, for {@code random.seconds} seconds and from the seed {@code random.seed}: every answer is
 * one that the contract knows, and valid requests are answered right all the while.
 */
@Tag("alone")
@Tag("faults")
class RandomIT {

  private static final int SECONDS = Integer.getInteger("random.seconds", 5);
  private static final long SEED = Long.getLong("random.seed", System.nanoTime());
  private static final int THREADS = 4;
  private static final Set<Integer> STATUSES =
      Set.of(200, 202, 204, 304, 400, 404, 405, 408, 409, 410, 413, 414, 417, 422, 431, 501, 502, 503, 505);
  private static final String TASK = "POST /task HTTP/1.1\r\nHost: x\r\n";
  private static final List<String> FRAGMENTS = List.of("{", "}", "[", "]", "\"", ":", ",", "\\", "\\u", "\\ud800", "null",
      "true", "1e9", "-", "\u0000", "\u00ff", "payload", "worker", " ", "\r\n", "\r\n\r\n", "Content-Length: 1\r\n",
      "Content-Length: 0\r\n", "Transfer-Encoding: chunked\r\n", "0\r\n\r\n", "GET / HTTP/1.1\r\n", "Host: x\r\n", "%00",
      "Expect: 100-continue\r\n", "Connection: close\r\n", "Upgrade: h2c\r\n", "Accept: application/json\r\n", "/../",
      "Prefer: respond-async\r\n", "Prefer: wait=1\r\n", "Idempotency-Key: \"a\"\r\n", "If-None-Match: *\r\n", "/result", ";",
      "HTTP/1.0", "HTTP/9.9", "\ud83d\ude00");
  private static final List<String> CONTENT_TYPES =
      List.of("text/html", "a/b;c=\"d", "*/*", "x", "", "application/json; charset=\"\u007f\"", "t/" + "x".repeat(900));

  private static final List<String> PREFERENCES =
      List.of("Prefer: respond-async\r\n", "Prefer: respond-async, wait=10\r\n");

  @Test
  void randomInputGetsAnswersOfTheContractOnly(@TempDir Path directory) throws Exception {
    System.out.println("Random test: -Drandom.seed=" + SEED + " -Drandom.seconds=" + SECONDS);
    try (NatsServer nats = NatsServer.start("-js", "-sd", directory.toString());
        App worker = App.taskLeet(nats.url(), "-Xmx64m", "--messaging.subscriptions=tasks.default,tasks.task-leet.>",
            "--messaging.durable.subscriptions=jobs.default,jobs.task-leet.durable");
        App httpApi = App.httpApi(nats.url(), "-Xmx96m", "--task.request-timeout=2s", "--task.body-timeout=500ms",
            "--task.durable.enabled=true");
        Connection client = Nats.connect(nats.url())) {
      worker.awaitReady();
      Awaitility.await().until(() -> worker.log().contains("Created the JetStream consumer"));
      httpApi.awaitReady();
      Dispatcher responder = client.createDispatcher(new Responder(client)::reply).subscribe("tasks.wild.>");
      Tally tally = run(httpApi, client);
      System.out.println("Random test: " + tally);
      assertThat(tally.count(Tally.LOST)).as("%s", tally.texts(Tally.LOST)).isZero();
      assertThat(tally.count(Tally.RIGHT)).isPositive();
      assertThat(httpApi.log()).doesNotContain("OutOfMemoryError", "A request failed", "Lost the connection");
      assertThat(worker.log()).doesNotContain("OutOfMemoryError", "Lost the connection");
      assertThat(List.of(httpApi.readiness(), worker.readiness())).containsOnly(200);
      client.closeDispatcher(responder);
    }
  }

  private static Tally run(App httpApi, Connection client) throws Exception {
    Tally tally = new Tally();
    ExecutorService threads = Executors.newFixedThreadPool(THREADS);
    try {
      List<Future<?>> runs = new ArrayList<>();
      long end = System.nanoTime() + TimeUnit.SECONDS.toNanos(SECONDS);
      for (int i = 0; i < THREADS; i++) {
        Attack attack = new Attack(new Random(SEED + i), httpApi.port(), client, tally);
        runs.add(threads.submit(() -> {
          while (System.nanoTime() < end) {
            attack.step();
          }
          return null;
        }));
      }
      for (Future<?> run : runs) {
        run.get(SECONDS + 30, TimeUnit.SECONDS);
      }
    } finally {
      threads.shutdownNow();
    }
    return tally;
  }

  /** What one thread sends. */
  private static final class Attack {

    private final Random random;
    private final int port;
    private final Connection client;
    private final Tally tally;
    private String task = "/task/" + "x".repeat(22); // the last one that was accepted

    Attack(Random random, int port, Connection client, Tally tally) {
      this.random = random;
      this.port = port;
      this.client = client;
      this.tally = tally;
    }

    void step() throws IOException {
      switch (random.nextInt(7)) {
        case 0 -> send(post(mutated("{\"worker\": \"task-leet.a\", \"payload\": \"abc\"}")), false);
        case 1 -> send(mutated(post("{\"payload\": \"abc\"}")), false);
        case 2 -> send(post("{\"worker\": \"wild." + random.nextInt(9) + "\", \"payload\": \"abc\"}"), true);
        case 3 -> publish();
        case 4 -> send(mutated(post("{\"worker\": \"task-leet.durable\", \"payload\": \"abc\"}",
            "Prefer: respond-async, wait=1\r\nIdempotency-Key: \"a\"\r\n")), false);
        case 5 -> send(mutated((random.nextInt(3) > 0 ? "GET " : "DELETE ") + task + (random.nextBoolean() ? "/result" : "")
            + " HTTP/1.1\r\nHost: x\r\nIf-None-Match: \"1\"\r\n\r\n"), false);
        default -> { }
      }
      valid();
    }

    private String post(String body) {
      return post(body, "");
    }

    private String post(String body, String headers) {
      return TASK + headers + "Content-Length: " + body.getBytes(StandardCharsets.UTF_8).length + "\r\n\r\n" + body;
    }

    private String mutated(String text) {
      StringBuilder mutated = new StringBuilder(text);
      for (int i = random.nextInt(4); i >= 0; i--) {
        int at = random.nextInt(mutated.length());
        switch (random.nextInt(4)) {
          case 0 -> mutated.setCharAt(at, (char) random.nextInt(256));
          case 1 -> mutated.delete(at, Math.min(mutated.length(), at + 1 + random.nextInt(8)));
          case 2 -> mutated.insert(at, FRAGMENTS.get(random.nextInt(FRAGMENTS.size())).repeat(1 + random.nextInt(3)));
          default -> mutated.insert(at, mutated.substring(at));
        }
        if (mutated.length() == 0) {
          mutated.append('x');
        }
      }
      return mutated.toString();
    }

    private void send(String request, boolean mustAnswer) throws IOException {
      try (RawConnection connection = new RawConnection(port)) {
        connection.send(request.getBytes(StandardCharsets.UTF_8)).endOutput();
        int answers = 0;
        try {
          for (; ; answers++) {
            check(request, connection.answer());
          }
        } catch (EOFException | SocketException e) {
          if (mustAnswer && answers != 1) {
            tally.add(Tally.LOST, answers + " answers to " + request, 0);
          }
        }
      } catch (SocketException e) {
        tally.add("reset", "", 0);
      } catch (IOException | RuntimeException e) {
        tally.add(Tally.LOST, e + " after " + escaped(request), 0);
      }
    }

    private void check(String request, RawConnection.HttpAnswer answer) {
      boolean known = STATUSES.contains(answer.status()) || answer.status() == 100;
      boolean discreet = answer.status() == 200 || !answer.body().matches("(?s).*(<html|Exception|java\\.|127\\.0).*");
      if (known && discreet) {
        tally.add("status " + answer.status(), "", 0);
      } else {
        tally.add(Tally.LOST, answer + " to " + escaped(request), 0);
      }
    }

    private static String escaped(String text) {
      return text.replace("\r", "\\r").replace("\n", "\\n");
    }

    private void publish() {
      byte[] body = new byte[random.nextInt(1000)];
      random.nextBytes(body);
      Headers headers = new Headers();
      for (int i = random.nextInt(3); i > 0; i--) {
        headers.put(List.of("traceparent", "Request-Timeout", "Nats-Service-Error", "X-" + i).get(random.nextInt(4)),
            List.of("1", "-1", "00-" + "a".repeat(32) + "-b-c", "x".repeat(random.nextInt(500))).get(random.nextInt(4)));
      }
      String replyTo = List.of("tasks.default", "nobody", "$SYS.x", "_INBOX.x." + random.nextInt())
          .get(random.nextInt(4));
      client.publish("tasks.task-leet.random", random.nextBoolean() ? replyTo : null, headers, body);
      tally.add("published", "", 0);
    }

    /** What well-behaved clients send. */
    private void valid() throws IOException {
      StringBuilder text = new StringBuilder();
      random.ints(random.nextInt(40), 0x20, 0xD7FF).forEach(text::appendCodePoint);
      String json = text.toString().replace("\\", "\\\\").replace("\"", "\\\"");
      boolean durable = random.nextInt(4) == 0;
      try (HttpConnection connection = new HttpConnection(port)) {
        HttpConnection.Answer answer = connection.post("{\"worker\": \"task-leet." + (durable ? "durable" : "valid")
            + "\", \"payload\": \"" + json + "\"}",
            durable ? new String[] {PREFERENCES.get(random.nextInt(PREFERENCES.size())).strip()} : new String[0]);
        if (durable && answer.status() == 202) {
          task = answer.headers().get("location");
          tally.add(Tally.RIGHT, "", 0);
        } else if (answer.status() == 200 && answer.body().equals(WorkerKind.LEET.answer(text.toString()))) {
          tally.add(Tally.RIGHT, "", 0);
        } else {
          tally.add(Tally.LOST, answer + " to a valid request", 0);
        }
      }
    }
  }

  /** A worker that replies what it likes, and as often; called by one thread. */
  private static final class Responder {

    private final Random random = new Random(SEED - 1);
    private final Connection client;

    Responder(Connection client) {
      this.client = client;
    }

    void reply(Message request) {
      for (int i = random.nextInt(20) == 0 ? 0 : 1 + random.nextInt(2); i > 0; i--) {
        byte[] body = new byte[random.nextInt(2000)];
        random.nextBytes(body);
        Headers headers = new Headers();
        if (random.nextBoolean()) {
          headers.put("Content-Type", CONTENT_TYPES.get(random.nextInt(CONTENT_TYPES.size())).replace("\u007f", ""));
        }
        if (random.nextInt(4) == 0) {
          headers.put("Nats-Service-Error-Code", List.of("400", "503", "x", "-1", "").get(random.nextInt(5)));
        }
        client.publish(request.getReplyTo(), headers, body);
      }
    }
  }
}
