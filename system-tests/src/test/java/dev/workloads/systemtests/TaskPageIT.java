package dev.workloads.systemtests;

import static org.assertj.core.api.Assertions.assertThat;

import dev.workloads.messaging.test.NatsServer;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.openqa.selenium.Keys;

/** The page to try tasks, in a real browser. */
class TaskPageIT {

  @TempDir
  private static Path directory;
  private static Browser browser;
  private static NatsServer nats;
  private static Pair apps;

  @BeforeAll
  static void start() {
    browser = Browser.open();
    nats = NatsServer.start("-js", "-sd", directory.toString());
    apps = Pair.start(WorkerKind.LEET, nats.url(), "--messaging.durable.subscriptions=jobs.default,jobs.task-leet",
        "--messaging.subscriptions=tasks.default,tasks.task-leet", "--task.durable.enabled=true", "--task.page.enabled=true")
        .awaitReady();
  }

  @AfterEach
  void nothingIsForbiddenOrBroken() {
    assertThat(browser.complaints()).isEmpty();
  }

  @AfterAll
  static void stop() {
    if (browser != null) {
      browser.close();
    }
    if (apps != null) {
      apps.close();
      nats.close();
    }
  }

  @Test
  void keyboardAloneSendsATaskAndTheCaretStandsBehindTheExample() {
    load();

    browser.focused().sendKeys("!", Keys.chord(Keys.CONTROL, Keys.ENTER));

    browser.awaitText("#answer", "H3110 W0r1d!");
  }

  @Test
  void durableTaskIsFollowedToItsResult() {
    load();
    browser.find("#durable").click();
    browser.find("#idempotency").sendKeys("page 1", Keys.ENTER);

    browser.awaitText("#state", "succeeded, 1 attempt");
    browser.awaitText("#answer", "H3110 W0r1d");
    assertThat(browser.find("#link").getDomProperty("href")).endsWith("/task/" + browser.find("#link").getText());
    assertThat(browser.find("#cancel").isDisplayed()).isFalse();
  }

  @Test
  void streamIsShownAsItComes() {
    try (App worker = App.of(StreamWorker.class, nats.url()).awaitReady()) {
      load();
      browser.find("#stream").click();
      browser.find("#worker").clear();
      browser.find("#worker").sendKeys("ticks");
      browser.find("#payload").clear();
      browser.find("#payload").sendKeys("2 3000", Keys.chord(Keys.CONTROL, Keys.ENTER));

      browser.awaitText("#answer", "1 so far\n1");
      browser.awaitText("#answer", " ms\n1\n2");
      assertThat(browser.find("#answer").getText()).startsWith("200 in ");
      assertThat(worker.isAlive()).isTrue();
    }
  }

  @ParameterizedTest
  @CsvSource({"360, false", "360, true", "1280, false", "1280, true"})
  void pageFitsItsWindow(int width, boolean dark) {
    browser.of(width, dark);
    load();
    browser.find("#durable").click();
    browser.find("#payload").sendKeys("x".repeat(500), Keys.chord(Keys.CONTROL, Keys.ENTER));
    browser.awaitText("#answer", "200");
    browser.find("#curl summary").click();
    browser.awaitText("#command", "/result");

    assertThat(browser.run("return document.documentElement.scrollWidth - document.documentElement.clientWidth")).isEqualTo(0L);
    assertThat(browser.find("body").getCssValue("background-color"))
        .isEqualTo(dark ? "rgba(15, 19, 24, 1)" : "rgba(255, 255, 255, 1)");
  }

  private static void load() {
    browser.load("http://localhost:" + apps.httpApi().port() + "/");
  }
}
