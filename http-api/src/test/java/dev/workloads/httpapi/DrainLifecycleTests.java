package dev.workloads.httpapi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.workloads.messaging.BrokerMessage;
import dev.workloads.messaging.testing.Stopwatch;
import java.io.IOException;
import java.net.ConnectException;
import java.time.Duration;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.EnumSource;

@ParameterizedClass
@EnumSource
class DrainLifecycleTests {

  private final HttpApi api;

  DrainLifecycleTests(StoreKind kind) {
    api = HttpApi.start(kind, "task.drain-delay=1500ms", "task.request-timeout=15s", "task.max-in-flight=3");
  }

  @AfterEach
  void close() {
    api.context().close();
  }

  @Test
  void clientsAreToldToCloseBeforeThePortCloses() throws Exception {
    api.echo("echo");
    BlockingQueue<BrokerMessage> received = api.silent("tasks.slow");
    try (Connection kept = api.connect(); Connection slow = api.connect(); Connection slower = api.connect()) {
      assertThat(kept.send(task("echo")).answer().header("Connection")).isNull();
      slow.send(task("slow"));
      BrokerMessage first = received.take();
      slower.send(task("slow"));
      BrokerMessage second = received.take();
      Stopwatch watch = Stopwatch.start();

      CompletableFuture<Void> closed = CompletableFuture.runAsync(() -> api.context().close());

      Awaitility.await().untilAsserted(
          () -> assertThat(api.get(api.managementPort(), "/actuator/health/readiness").status()).isEqualTo(503));
      assertThat(api.get(api.managementPort(), "/actuator/health/liveness").status()).isEqualTo(200);
      assertThat(kept.send(task("echo")).answer().header("Connection")).isEqualTo("close");
      assertThat(kept.rest()).isEmpty();
      assertThat(api.task("echo", "x").header("Connection")).isEqualTo("close");
      assertThat(api.post("{").header("Connection")).isEqualTo("close");
      assertThat(api.get(api.port(), "/x").header("Connection")).isEqualTo("close");
      assertThat(api.get(api.port(), "/task").header("Connection")).isEqualTo("close");

      api.publish(first.reply(first.body()));
      assertFinished(slow); // its answer, too, was written while draining

      assertThat(closed).isNotDone();
      Awaitility.await().untilAsserted(() ->
          assertThatExceptionOfType(ConnectException.class).isThrownBy(() -> api.connect().close()));
      watch.assertAtLeast(Duration.ofMillis(1500));
      assertThat(closed).isNotDone();
      api.publish(second.reply(second.body()));
      assertFinished(slower);
      closed.get(10, TimeUnit.SECONDS);
    }
  }

  @Test
  void whoWaitsForADurableTaskIsAnsweredAtOnce() throws Exception {
    api.queue("never");
    String path = api.path("never", "x");
    try (Connection submitting = api.connect(); Connection looking = api.connect(); Connection third = api.connect()) {
      submitting.send(HttpApi.taskRequest(HttpApi.json("never", "x"), "Prefer: respond-async, wait=30"));
      looking.send("GET " + path + " HTTP/1.1\r\nHost: test\r\nPrefer: wait=30\r\n\r\n");
      third.send("GET " + path + " HTTP/1.1\r\nHost: test\r\nPrefer: wait=30\r\n\r\n");
      api.awaitNoPlace("never");
      Stopwatch watch = Stopwatch.start();

      CompletableFuture<Void> closed = CompletableFuture.runAsync(() -> api.context().close());

      Answer accepted = submitting.answer();
      Answer status = looking.answer();
      watch.assertLessThan(Duration.ofMillis(1500));
      assertThat(accepted.status()).isEqualTo(202);
      assertThat(accepted.header("Connection")).isEqualTo("close");
      assertThat(status.status()).isEqualTo(200);
      assertThat(status.member("state")).isEqualTo("queued");
      assertThat(status.header("Connection")).isEqualTo("close");
      assertThat(third.answer().status()).isEqualTo(200);
      assertThat(api.get(path, "Prefer: wait=30").header("Connection")).isEqualTo("close"); // and this one at once as well
      closed.get(10, TimeUnit.SECONDS);
    }
  }

  private static void assertFinished(Connection connection) throws IOException {
    Answer answer = connection.answer();

    assertThat(answer.status()).isEqualTo(200);
    assertThat(answer.text()).isEqualTo("x");
    assertThat(answer.header("Connection")).isEqualTo("close");
    assertThat(connection.rest()).isEmpty();
  }

  private static String task(String worker) {
    return HttpApi.taskRequest(HttpApi.json(worker, "x"));
  }
}
