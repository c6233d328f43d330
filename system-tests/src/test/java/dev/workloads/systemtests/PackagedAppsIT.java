package dev.workloads.systemtests;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import dev.workloads.messaging.test.NatsServer;
import java.io.IOException;
import java.nio.file.Path;
import java.util.jar.JarFile;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The packaged jars, each alone, with a real nats-server. */
class PackagedAppsIT {

  @AutoClose
  private static final NatsServer NATS = NatsServer.start();
  @AutoClose
  private static final App HTTP_API = App.httpApi(NATS.url()).awaitReady();

  @Test
  void taskIsAnsweredInLeetSpeak() throws IOException {
    try (App worker = App.taskLeet(NATS.url()).awaitReady()) {
      var answer = HTTP_API.post("{\"worker\": \"task-leet\", \"payload\": \"Hello World\"}");

      assertThat(answer.statusCode()).isEqualTo(200);
      assertThat(answer.body()).isEqualTo("H3110 W0r1d");
      assertThat(HTTP_API.post("{\"payload\": \"Hello World\"}").body()).isEqualTo("H3110 W0r1d");
      worker.terminate();
      worker.awaitExit();
      assertThat(HTTP_API.post("{\"payload\": \"x\"}").statusCode()).isEqualTo(502);
    }
  }

  @Test
  void secondWorkerTypeStandsBesideANarrowedFirst() throws IOException {
    try (App leet = App.taskLeet(NATS.url(), "--messaging.subscriptions=tasks.default,tasks.task-leet").awaitReady();
        App reverse = App.reverse(NATS.url()).awaitReady()) {
      for (int i = 0; i < 20; i++) {
        assertThat(HTTP_API.post("{\"worker\": \"reverse\", \"payload\": \"leet\"}").body()).isEqualTo("teel");
        assertThat(HTTP_API.post("{\"worker\": \"task-leet\", \"payload\": \"leet\"}").body()).isEqualTo("1337");
        assertThat(HTTP_API.post("{\"payload\": \"leet\"}").body()).isEqualTo("1337");
      }
      assertThat(HTTP_API.post("{\"worker\": \"words\", \"payload\": \"one two\"}", "Accept", "text/event-stream").body())
          .isEqualTo("data: one\n\ndata: two\n\nevent: end\ndata: {\"parts\":2}\n\n");
      assertThat(HTTP_API.post("{\"worker\": \"other\", \"payload\": \"leet\"}").statusCode()).isEqualTo(502);
      assertThat(reverse.health()).as("what would say why it is DOWN").contains("\"status\":\"CONNECTED\"");
    }
  }

  @Test
  void managementPortTellsHealthAndMetrics() throws IOException {
    assertThat(HTTP_API.management("/actuator/health").body()).contains("\"nats\"", "\"status\":\"CONNECTED\"");
    assertThat(HTTP_API.management("/actuator/prometheus").statusCode()).isEqualTo(200);
    assertThat(HTTP_API.liveness()).isEqualTo(200);
  }

  @ParameterizedTest
  @ValueSource(strings = {"http-api", "task-leet"})
  void jarNamesWhatItIsMadeOfAndItsLicence(String app) throws IOException {
    try (JarFile jar = new JarFile(Path.of("..", app, "target", app + ".jar").toFile())) {
      assertThat(jar.getEntry("META-INF/LICENSE")).isNotNull();
      String sbom = jar.getManifest().getMainAttributes().getValue("Sbom-Location");
      assumeThat(sbom).as("mvn -o makes none").isNotNull();
      assertThat(Manifests.JSON.readTree(jar.getInputStream(jar.getEntry(sbom))).path("components").valueStream()
          .map(component -> component.path("name").asString())).contains("messaging-common", "jnats")
          .doesNotContain("messaging-test", "junit-jupiter");
    }
  }
}
