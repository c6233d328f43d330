package dev.workloads.systemtests;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.workloads.messaging.test.NatsServer;
import io.nats.client.Connection;
import io.nats.client.JetStream;
import io.nats.client.Nats;
import io.nats.client.api.PublishAck;
import io.nats.client.impl.Headers;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** Many dead letters, and an application that is killed while it puts them back. */
@Tag("faults")
class DeadLettersIT {

  private static final int LETTERS = Bounds.FULL ? 100_000 : 5_000;
  private static final int AT_ONCE = 1000;
  private static final int CALLS = 1000;
  private static final Duration PATIENCE = Duration.ofMinutes(3);
  private static final String RETRY = "{\"group\": \"test-worker\", \"reason\": \"broken\", \"upTo\": %d, \"dryRun\": false}";

  @Test
  void retryThatIsKilledAndRepeatedHasEachTaskDoneOnceMoreAndNoneTwice(@TempDir Path directory) throws Exception {
    Path runs = directory.resolve("runs");
    try (NatsServer nats = NatsServer.start("-js", "-sd", directory.resolve("jetstream").toString());
        App worker = WorkerKind.TEST.start(nats.url(), "--messaging.durable.subscriptions=jobs.work", "--worker.runs=" + runs);
        App httpApi = App.httpApi(nats.url(), "--task.durable.enabled=true",
            "--management.endpoint.tasks.access=unrestricted").awaitReady()) {
      worker.awaitReady();
      await().atMost(PATIENCE).until(() -> !summary(httpApi).at("/dead/total").isMissingNode());
      bury(nats.url());

      long asked = System.nanoTime();
      assertThat(summary(httpApi).at("/dead/total").asInt()).isEqualTo(LETTERS);
      long first = System.nanoTime() - asked;
      await().atMost(PATIENCE).until(() -> summary(httpApi).at("/dead/groups/0/count").asInt() == LETTERS);

      CompletableFuture<Long> killed = CompletableFuture.supplyAsync(() -> retry(httpApi));
      await().atMost(PATIENCE).until(() -> summary(httpApi).at("/retry/putBack").asInt() > LETTERS / 3);
      httpApi.kill();
      killed.handle((answer, failure) -> failure).get();
      httpApi.startAgain();
      httpApi.awaitReady();
      int rest = summary(httpApi).at("/dead/total").asInt();
      assertThat(rest).isBetween(1, LETTERS - 1);
      long millis;
      double idle;
      double beside;
      try (Callers callers = Callers.start(httpApi)) {
        callers.measure(CALLS); // warms it up
        callers.measure(CALLS);
        idle = callers.p99();
        callers.measure(0);
        millis = retry(httpApi);
        beside = callers.p99();
        assertThat(callers.stop().count(Tally.LOST)).isZero();
      }
      assertThat(summary(httpApi).at("/dead/total").asInt(-1)).isZero();

      await().atMost(PATIENCE).until(() -> Files.readAllLines(runs).size() >= LETTERS);
      await().atMost(PATIENCE).until(() -> waiting(httpApi) == 0);
      assertThat(Files.readAllLines(runs)).hasSize(LETTERS).extracting(line -> line.split(" ")[0]).doesNotHaveDuplicates();
      System.out.printf("%d dead letters: first summary after %d ms; after a kill %d of them put back at %d/s; p99 of requests "
          + "%.1f ms before, %.1f ms meanwhile%n", LETTERS, first / 1_000_000, rest, rest * 1000L / Math.max(1, millis), idle, beside);
    }
  }

  private static int waiting(App httpApi) throws IOException {
    JsonNode queue = summary(httpApi).at("/workers/0");
    return queue.path("waiting").asInt(1) + queue.path("handedOut").asInt(1);
  }

  private static JsonNode summary(App httpApi) throws IOException {
    return JsonMapper.shared().readTree(httpApi.management("/actuator/tasks").body());
  }

  /** Returns how many milliseconds it took. */
  private static long retry(App httpApi) {
    try {
      long start = System.nanoTime();
      String answer = httpApi.operate("/actuator/tasks/dead/retry", RETRY.formatted(LETTERS)).body();
      assertThat(answer).contains("\"left\":[]");
      return (System.nanoTime() - start) / 1_000_000;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Writes what a worker leaves of tasks that have failed: their entries, and their letters. */
  private static void bury(String url) throws Exception {
    String record = "{\"worker\":\"work\",\"hash\":\"%s\",\"state\":\"failed\",\"attempts\":1,\"failures\":1,\"job\":1,"
        + "\"submitted\":\"2026-01-01T00:00:00Z\",\"error\":{\"code\":500,\"text\":\"broken\"}}";
    byte[] entry = record.formatted(Base64.getUrlEncoder().withoutPadding().encodeToString(
        MessageDigest.getInstance("SHA-256").digest("work\nx".getBytes(UTF_8)))).getBytes(UTF_8);
    try (Connection connection = Nats.connect(url)) {
      JetStream stream = connection.jetStream();
      List<CompletableFuture<PublishAck>> sent = new ArrayList<>();
      for (int i = 0; i < LETTERS; i++) {
        String id = "%022d".formatted(i);
        sent.add(stream.publishAsync("$KV.TASKS." + id, entry));
        sent.add(stream.publishAsync("jobs-dead.test-worker", new Headers().add("Task-Id", id).add("Task-Attempts", "1")
            .add("Job-Subject", "jobs.work").add("Dead-Letter-Reason", "broken"), "x".getBytes(UTF_8)));
        if (sent.size() >= AT_ONCE || i == LETTERS - 1) {
          CompletableFuture.allOf(sent.toArray(CompletableFuture[]::new)).join();
          sent.clear();
        }
      }
    }
  }
}
