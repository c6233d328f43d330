package dev.workloads.httpapi;

import static org.assertj.core.api.Assertions.assertThat;

import dev.workloads.messaging.MessageRejectedException;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import org.awaitility.Awaitility;
import org.htmlunit.WebClient;
import org.htmlunit.html.HtmlElement;
import org.htmlunit.html.HtmlPage;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** The page for operators, on the management port, in process. */
class TasksPageTests {

  private static final String DURABLE = "task.durable.enabled=true";
  private static final String EXPOSED = "management.endpoints.web.exposure.include=tasks";
  private static final String HOST = "messaging.durable.operations.allowed-hosts=test"; // as HttpApi calls it

  @RegisterExtension
  static final HttpApi api = HttpApi.with(DURABLE, EXPOSED, HOST,
      "management.endpoint.tasks.access=unrestricted");
  @RegisterExtension
  static final HttpApi readOnly = HttpApi.with(DURABLE, EXPOSED, HOST,
      "management.endpoint.tasks.access=read-only");

  @AutoClose
  private final WebClient browser = new WebClient();
  private final AtomicBoolean mended = new AtomicBoolean();

  @Test
  void retryIsCountedAgreedToAndDone() throws IOException {
    List<String> tasks = fail(api, "retried", "broken <img src=x>", 3);
    HtmlPage page = load(api);
    await(page, "dead", "retried: 3 letters, first ");

    button(page, "Retry: broken <img src=x>, retried").click();
    Awaitility.await().until(() -> page.getHtmlElementById("ask").hasAttribute("open"));
    assertThat(text(page, "ask-title")).isEqualTo("Retry 3 letters?");
    assertThat(text(page, "ask-reason")).isEqualTo("retried: broken <img src=x>");
    assertThat(page.querySelectorAll("img").size()).isZero();
    assertThat(api.get(tasks.get(0)).member("state")).isEqualTo("failed");

    mended.set(true);
    page.getHtmlElementById("yes").click();
    await(page, "status", "3 put back.");
    for (String task : tasks) {
      Awaitility.await().until(() -> "succeeded".equals(api.get(task).member("state")));
    }
    Awaitility.await().until(() -> !text(page, "dead").contains("retried"));
    await(page, "retry", "Last run: 3 put back of 3, 0 left.");
  }

  @Test
  void whoGoesBackChangesNothingAndWhoDeletesIsAskedFirst() throws IOException {
    fail(api, "deleted", "useless", 2);
    HtmlPage page = load(api);
    await(page, "dead", "deleted: 2 letters");

    button(page, "Delete: useless, deleted").click();
    Awaitility.await().until(() -> page.getHtmlElementById("ask").hasAttribute("open"));
    assertThat(text(page, "ask-title")).isEqualTo("Delete 2 letters?");
    page.getHtmlElementById("no").click();
    assertThat(page.getHtmlElementById("ask").hasAttribute("open")).isFalse();
    assertThat(api.get(api.managementPort(), "/actuator/tasks/dead?group=deleted").json().path("letters")).hasSize(2);

    button(page, "Delete: useless, deleted").click();
    Awaitility.await().until(() -> page.getHtmlElementById("ask").hasAttribute("open"));
    page.getHtmlElementById("yes").click();
    await(page, "status", "2 deleted.");
    assertThat(api.get(api.managementPort(), "/actuator/tasks/dead?group=deleted").json().path("letters")).isEmpty();
  }

  @Test
  void lettersAreListedWithTheirPayloadAndTheirTaskIsFound() throws IOException {
    List<String> tasks = fail(api, "listed", "broken", 101); // one more than there are on a page
    HtmlPage page = load(api);
    await(page, "dead", "listed: 101 letters");

    button(page, "List: broken, listed").click();
    Awaitility.await().until(() -> page.querySelectorAll("#letters li").size() == 100
        && page.getHtmlElementById("more").isDisplayed());
    page.getHtmlElementById("more").click();
    Awaitility.await().until(() -> page.querySelectorAll("#letters li").size() == 101);
    assertThat(page.<HtmlElement>querySelector("#letters a").getAttribute("href"))
        .matches("actuator/tasks/dead/\\d+/payload");

    String id = tasks.get(0).substring("/task/".length());
    button(page, "Task " + id + ": find it").click();
    await(page, "task", "failed");
    await(page, "task", id);
  }

  @Test
  void taskThatIsNotThereIsSaidToBeGone() throws IOException {
    HtmlPage page = load(api);

    page.getHtmlElementById("id").type("uWindXfRYnjUf3OS9J34tg\n");

    await(page, "not-found", "There is no such task");
  }

  @Test
  void whoMayOnlyReadHasNoButtonsToChange() throws IOException {
    HtmlPage page = load(readOnly);
    await(page, "total", "0");
    fail(readOnly, "read", "broken", 1); // the page looks again by itself
    await(page, "dead", "read: 1 letter, ");

    assertThat(page.querySelectorAll("#dead button").stream().map(each -> each.getTextContent())).containsOnly("List");
  }

  @Test
  void pageIsThereOnlyWithTheEndpoint() throws IOException {
    for (HttpApi other : List.of(HttpApi.with(), HttpApi.with(DURABLE),
        HttpApi.with(DURABLE, EXPOSED, "management.endpoint.tasks.access=none"))) {
      assertThat(other.get(other.managementPort(), "/tasks").status()).isEqualTo(404);
    }
    assertThat(api.get("/tasks").status()).isEqualTo(404);
  }

  @Test
  void pageRunsNothingButItsOwnScriptAndStyle() throws IOException {
    Answer answer = api.get(api.managementPort(), "/tasks");

    assertThat(answer.header("Content-Type")).isEqualTo("text/html;charset=UTF-8");
    assertThat(answer.header("Content-Security-Policy")).matches("default-src 'none'; script-src 'sha256-[^' ]{44}'; "
        + "style-src 'sha256-[^' ]{44}'; connect-src 'self'; form-action 'none'; frame-ancestors 'none'; "
        + "base-uri 'none'");
    assertThat(answer.text()).doesNotContain("http:", "https:", " style=", " onclick=", "innerHTML")
        .containsOnlyOnce("<script").containsOnlyOnce("<style");
  }

  /** Lets tasks fail, until the worker is mended. */
  private List<String> fail(HttpApi at, String worker, String reason, int count) throws IOException {
    at.durableWorker(worker, message -> {
      if (!mended.get()) {
        throw new MessageRejectedException(500, reason);
      }
      return message.reply(message.body());
    });
    List<String> tasks = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      tasks.add(at.path(worker, "x"));
    }
    for (String task : tasks) {
      assertThat(at.get(task, "Prefer: wait=20").member("state")).isEqualTo("failed");
    }
    return tasks;
  }

  private HtmlPage load(HttpApi at) throws IOException {
    return browser.getPage("http://localhost:" + at.managementPort() + "/tasks");
  }

  private static HtmlElement button(HtmlPage page, String label) {
    return page.querySelectorAll("button").stream().map(HtmlElement.class::cast)
        .filter(each -> each.getAttribute("aria-label").equals(label)).findFirst().orElseThrow();
  }

  private static void await(HtmlPage page, String id, String text) {
    Awaitility.await().untilAsserted(() -> assertThat(text(page, id)).contains(text));
  }

  private static String text(HtmlPage page, String id) {
    return page.getHtmlElementById(id).getTextContent();
  }
}
