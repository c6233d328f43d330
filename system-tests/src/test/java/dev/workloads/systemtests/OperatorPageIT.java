package dev.workloads.systemtests;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.workloads.messaging.test.NatsServer;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** The page for operators, in a real browser, as {@code docs/operate/retry-with-the-page.md} has it. Takes its pictures. */
class OperatorPageIT {

  private static final int TASKS = 1000;
  private static final Duration PATIENCE = Duration.ofMinutes(1);
  private static final String[] WORKER = {"--messaging.durable.subscriptions=jobs.work", "--messaging.durable.max-attempts=1"};

  @Test
  void thousandTasksOfABrokenHandlerSucceedOnceItIsMended(@TempDir Path directory) throws IOException {
    try (Browser browser = Browser.open();
        NatsServer nats = NatsServer.start("-js", "-sd", directory.toString());
        App httpApi = App.httpApi(nats.url(), "--task.durable.enabled=true", "--management.endpoint.tasks.access=unrestricted");
        App broken = WorkerKind.TEST.start(nats.url(), WORKER)) {
      broken.awaitReady();
      List<String> tasks = submit(httpApi.awaitReady());

      browser.of(900, false).load("http://localhost:" + httpApi.managementPort() + "/tasks");
      browser.awaitText("#dead", "1,000 letters");
      browser.awaitText("#dead", "failed as asked");
      browser.picture("operator-1-found");

      broken.kill();
      try (App mended = WorkerKind.TEST.start(nats.url(), App.with(WORKER, "--worker.fails=none"))) {
        mended.awaitReady();
        browser.find("button[aria-label='Retry: failed as asked, test-worker']").click();
        browser.awaitText("#ask-title", "Retry 1,000 letters?");
        browser.picture("operator-2-asked");
        browser.find("#yes").click();
        browser.awaitText("#status", "1,000 put back.");
        browser.awaitText("#total", "0");
        for (String task : tasks) {
          await().atMost(PATIENCE).pollDelay(Duration.ZERO).until(() -> httpApi.get(task).body().contains("\"state\":\"succeeded\""));
        }
        browser.awaitText("#workers", "0 waiting, 0 handed out");
        browser.picture("operator-3-done");
      }
      assertThat(browser.complaints()).isEmpty();
    }
  }

  private static List<String> submit(App httpApi) throws IOException {
    List<String> tasks = new ArrayList<>();
    for (int i = 0; i < TASKS; i++) {
      tasks.add(httpApi.post("{\"worker\": \"work\", \"payload\": \"fail " + i + "\"}", "Prefer", "respond-async").headers()
          .firstValue("Location").orElseThrow());
    }
    return tasks;
  }
}
