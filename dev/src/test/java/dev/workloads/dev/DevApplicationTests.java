package dev.workloads.dev;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import org.junit.jupiter.api.Test;
import org.springframework.context.ConfigurableApplicationContext;

/** Both apps in this JVM, without a broker. */
class DevApplicationTests {

  @Test
  void bothAppsShareTheParentsTransport() throws IOException, InterruptedException {
    try (ConfigurableApplicationContext parent = DevApplication.start("--server.port=0",
        "--management.server.port=0", "--task.drain-delay=0s")) {
      String port = parent.getBean(Apps.class).last().getEnvironment().getRequiredProperty("local.server.port");
      var answer = HttpClient.newHttpClient().send(HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + "/task"))
          .POST(HttpRequest.BodyPublishers.ofString("{\"worker\": \"task-leet\", \"payload\": \"Hello World\"}")).build(),
          BodyHandlers.ofString());

      assertThat(answer.body()).isEqualTo("H3110 W0r1d");
    }
  }
}
