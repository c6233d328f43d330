package dev.workloads.systemtests;

import static org.assertj.core.api.Assertions.assertThat;

import dev.workloads.messaging.test.NatsServer;
import java.io.IOException;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInfo;
import org.junit.jupiter.api.io.TempDir;

/** Clients of a small http-api that take none of their large answers, or little: the others get theirs all the same. */
@Tag("alone")
@Tag("faults")
class SlowReaderIT {

  private static final int CLIENTS = 300;
  private static final int PIPELINED = 8;
  private static final int LARGE = 900_000;
  private static final Duration WRITE_TIMEOUT = Duration.ofSeconds(10);
  private static final Duration ATTACK = Duration.ofSeconds(Bounds.FULL ? 30 : 12); // past the first connections' end

  @TempDir
  private static Path files;
  @AutoClose
  private static NatsServer nats;
  @AutoClose
  private static Pair pair;
  private static String result;

  private final List<RawConnection> slow = new ArrayList<>();
  private Callers callers;

  @BeforeAll
  static void start() throws IOException {
    nats = NatsServer.start("-js", "-sd", files.toString());
    pair = new Pair(WorkerKind.TEST.start(nats.url(), "--messaging.durable.subscriptions=jobs.test"),
        App.httpApi(nats.url(), "-Xmx96m", "--task.durable.enabled=true")).awaitReady();
    Awaitility.await().until(() -> submit("x", 0).statusCode() == 202); // the worker makes the stream
    result = path(submit("x".repeat(LARGE), 0)) + "/result";
    Awaitility.await().until(() -> pair.httpApi().get(result).body().length() == LARGE);
  }

  @AfterAll
  static void connectionToNatsWasKept() {
    assertThat(pair.httpApi().log()).doesNotContain("OutOfMemoryError", "Lost the connection", "\tat ");
    assertThat(pair.httpApi().readiness()).isEqualTo(200);
  }

  @BeforeEach
  void startCallers() {
    callers = Callers.start(pair.httpApi());
  }

  @AfterEach
  void othersWereAnsweredMeanwhile(TestInfo attack) throws IOException {
    Tally tally = callers.stop();
    System.out.printf("%s: others' p99 %.1f ms, %s%n", attack.getDisplayName(), callers.p99(), tally);
    for (RawConnection connection : slow) {
      connection.close();
    }
    tally.requireOnly();
    Awaitility.await().atMost(WRITE_TIMEOUT.multipliedBy(3)) // no bytes are held for ever
        .until(() -> pair.httpApi().get(result).body().length() == LARGE);
  }

  @Test
  void resultsThatAreAskedForAndNotRead() throws IOException {
    attack(get(result).repeat(PIPELINED));
  }

  @Test
  void repliesThatAreNotRead() throws IOException {
    String body = "{\"worker\": \"test\", \"payload\": \"" + "x".repeat(LARGE) + "\"}";
    attack(post(body));
  }

  @Test
  void resultsThatAreReadByTheByteBesideBodiesThatAreSentByTheByte() throws IOException {
    for (int i = 0; i < CLIENTS; i++) {
      slow.add(new RawConnection(pair.httpApi().port()).send(i % 2 == 0 ? get(result).repeat(PIPELINED)
          : "POST /task HTTP/1.1\r\nHost: x\r\nContent-Length: 900000\r\n\r\n{\"payload\": \""));
    }
    awaitAttack(() -> {
      for (int i = 0; i < CLIENTS; i++) {
        if (i % 2 == 0) {
          slow.get(i).trickle();
        } else {
          slow.get(i).dribble('x');
        }
      }
    });
  }

  @Test
  void smallAnswersThatAreNotRead() throws IOException {
    String errors = get("/x").repeat(5000);
    for (int i = 0; i < CLIENTS / 3; i++) { // before Java 21 each holds one of 200 threads until it is cut off
      slow.add(new RawConnection(pair.httpApi().port()).send(errors));
    }
    awaitAttack(() -> { });
  }

  private void attack(String requests) throws IOException {
    byte[] bytes = requests.getBytes(StandardCharsets.US_ASCII);
    for (int i = 0; i < CLIENTS; i++) {
      RawConnection connection = new RawConnection(pair.httpApi().port());
      slow.add(connection);
      connection.flood(bytes, 1);
    }
    awaitAttack(() -> { });
  }

  /** Looks meanwhile that durable tasks are accepted and small ones are done. */
  private void awaitAttack(Runnable everySecond) throws IOException {
    long start = System.nanoTime();
    while (System.nanoTime() - start < ATTACK.toNanos()) {
      long second = System.nanoTime();
      everySecond.run();
      HttpResponse<String> accepted = submit("small", 0);
      assertThat(accepted.statusCode()).isEqualTo(202);
      HttpResponse<String> small = submit("small", 20);
      assertThat(small.statusCode()).isEqualTo(200);
      assertThat(small.body()).isEqualTo("small");
      assertThat(pair.httpApi().get(result).statusCode()).isIn(200, 503);
      Bounds.awaitElapsed(second, Duration.ofSeconds(1));
    }
    callers.measure(100);
  }

  private static HttpResponse<String> submit(String payload, int wait) throws IOException {
    return pair.httpApi().post("{\"worker\": \"test\", \"payload\": \"" + payload + "\"}", "Prefer",
        wait == 0 ? "respond-async" : "respond-async, wait=" + wait);
  }

  private static String path(HttpResponse<String> answer) throws IOException {
    return answer.headers().firstValue("Location").orElseThrow();
  }

  private static String get(String path) {
    return "GET " + path + " HTTP/1.1\r\nHost: x\r\n\r\n";
  }

  private static String post(String body) {
    return "POST /task HTTP/1.1\r\nHost: x\r\nContent-Length: " + body.length() + "\r\n\r\n" + body;
  }
}
