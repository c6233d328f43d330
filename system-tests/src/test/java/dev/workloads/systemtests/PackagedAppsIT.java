package dev.workloads.systemtests;

import static org.assertj.core.api.Assertions.assertThat;

import dev.workloads.messaging.testing.NatsServer;
import java.io.IOException;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** The packaged jars, each alone, with a real nats-server. */
class PackagedAppsIT {

  private static NatsServer nats;
  private static App httpApi;

  @BeforeAll
  static void start() {
    nats = NatsServer.start();
    httpApi = App.httpApi(nats.url()).awaitReady();
  }

  @AfterAll
  static void stop() {
    httpApi.close();
    nats.close();
  }

  @Test
  void taskIsAnsweredInLeetSpeak() throws IOException {
    try (App worker = App.taskLeet(nats.url()).awaitReady()) {
      var answer = httpApi.post("{\"worker\": \"task-leet\", \"payload\": \"Hello World\"}");

      assertThat(answer.statusCode()).isEqualTo(200);
      assertThat(answer.body()).isEqualTo("H3110 W0r1d");
      assertThat(httpApi.post("{\"payload\": \"Hello World\"}").body()).isEqualTo("H3110 W0r1d");
      worker.terminate();
      worker.awaitExit();
      assertThat(httpApi.post("{\"payload\": \"x\"}").statusCode()).isEqualTo(502);
    }
  }

  @Test
  void secondWorkerTypeStandsBesideANarrowedFirst() throws IOException {
    try (App leet = App.taskLeet(nats.url(), "--messaging.subscriptions=tasks.default,tasks.task-leet").awaitReady();
        App reverse = App.reverse(nats.url()).awaitReady()) {
      for (int i = 0; i < 20; i++) {
        assertThat(httpApi.post("{\"worker\": \"reverse\", \"payload\": \"leet\"}").body()).isEqualTo("teel");
        assertThat(httpApi.post("{\"worker\": \"task-leet\", \"payload\": \"leet\"}").body()).isEqualTo("1337");
        assertThat(httpApi.post("{\"payload\": \"leet\"}").body()).isEqualTo("1337");
      }
      assertThat(httpApi.post("{\"worker\": \"other\", \"payload\": \"leet\"}").statusCode()).isEqualTo(502);
    }
  }

  @Test
  void managementPortTellsHealthAndMetrics() throws IOException {
    assertThat(httpApi.management("/actuator/health").body()).contains("\"nats\"", "\"status\":\"CONNECTED\"");
    assertThat(httpApi.management("/actuator/prometheus").statusCode()).isEqualTo(200);
    assertThat(httpApi.liveness()).isEqualTo(200);
  }
}
