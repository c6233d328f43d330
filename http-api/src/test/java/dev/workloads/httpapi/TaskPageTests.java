package dev.workloads.httpapi;

import static org.assertj.core.api.Assertions.assertThat;

import dev.workloads.messaging.BrokerMessage;
import dev.workloads.messaging.MessageRejectedException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.BlockingQueue;
import org.awaitility.Awaitility;
import org.htmlunit.WebClient;
import org.htmlunit.html.DomElement;
import org.htmlunit.html.HtmlCheckBoxInput;
import org.htmlunit.html.HtmlInput;
import org.htmlunit.html.HtmlPage;
import org.htmlunit.html.HtmlTextArea;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class TaskPageTests {

  private static final String CHROMIUM = "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,"
      + "image/webp,image/apng,*/*;q=0.8,application/signed-exchange;v=b3;q=0.7";

  @RegisterExtension
  static final HttpApi api = HttpApi.with("task.page.enabled=true");
  @RegisterExtension
  static final HttpApi keeping = HttpApi.with("task.page.enabled=true", "task.durable.enabled=true");
  @RegisterExtension
  static final HttpApi without = HttpApi.with();

  @AutoClose
  private final WebClient browser = new WebClient();

  @Test
  void taskIsSentAndAnswered() throws IOException {
    BlockingQueue<BrokerMessage> others = api.silent("tasks.default");
    api.worker("shout", message -> message.reply((message.text().toUpperCase(Locale.ROOT) + " <b>")
        .getBytes(StandardCharsets.UTF_8)));
    HtmlPage page = load();

    send(page, "shout", "hello");

    assertThat(text(page, "answer")).containsPattern("^200 in \\d+ ms\\s*HELLO <b>$");
    assertThat(text(page, "history")).containsPattern("^200 in \\d+ ms \u00b7 shout \u00b7 hello \u2192 HELLO <b>$");
    assertThat(others).isEmpty();
  }

  @Test
  void taskWithoutAWorkerGoesToTheDefaultAndEnterSends() throws IOException {
    api.echo("default");
    HtmlPage page = load();

    page.<HtmlTextArea>getHtmlElementById("payload").setText("x");
    page.<HtmlInput>getHtmlElementById("worker").setValue("");
    page.<HtmlInput>getHtmlElementById("worker").type('\n');
    browser.waitForBackgroundJavaScript(10_000);

    assertThat(text(page, "history")).contains("\u00b7 default \u00b7 x");
  }

  @ParameterizedTest
  @CsvSource({"nobody, 502 no-responders, nobody is subscribed", "a b, 400 invalid-request, worker"})
  void errorIsShownWithItsReason(String worker, String outcome, String text) throws IOException {
    HtmlPage page = load();

    send(page, worker, "x");

    assertThat(text(page, "answer")).startsWith(outcome + " in ").contains(text);
  }

  @Test
  void durableTaskIsFollowedToItsEnd() throws IOException {
    keeping.durableWorker("shout", message -> {
      if (message.text().isEmpty()) {
        throw new MessageRejectedException("nothing to shout");
      }
      return message.reply(message.text().toUpperCase(Locale.ROOT));
    });
    HtmlPage page = loadDurable();

    send(page, "shout", "hello");
    assertThat(text(page, "answer")).containsPattern("^200 in \\d+ ms\\s*HELLO$");
    assertThat(text(page, "state")).isEqualTo("succeeded, 1 attempt");
    assertThat(page.getHtmlElementById("cancel").isDisplayed()).isFalse();
    String link = page.getHtmlElementById("link").getAttribute("href");
    assertThat(keeping.get("/" + link).json().path("id").asString()).isEqualTo(text(page, "link"));

    send(page, "shout", "");
    assertThat(text(page, "answer")).startsWith("502 handler-rejected in ").endsWith("nothing to shout");

    send(page, "nobody", "x");
    assertThat(text(page, "answer")).startsWith("502 no-responders in ").contains("no durable worker");
    assertThat(page.getHtmlElementById("task").isDisplayed()).isFalse();

    page.<HtmlCheckBoxInput>getHtmlElementById("durable").setChecked(false);
    keeping.echo("shout");
    send(page, "shout", "hello");
    assertThat(text(page, "answer")).endsWith("hello"); // what the other worker replies
  }

  @Test
  void durableTaskIsCancelled() throws IOException {
    keeping.queue("nobody-yet");
    HtmlPage page = loadDurable();

    click(page, "nobody-yet", "x");
    Awaitility.await().until(() -> text(page, "state").equals("queued, 0 attempts"));
    page.getHtmlElementById("cancel").click();
    browser.waitForBackgroundJavaScript(10_000);

    assertThat(text(page, "answer")).startsWith("410 cancelled in ");
    assertThat(text(page, "state")).isEqualTo("cancelled, 0 attempts");
  }

  @Test
  void durableTaskThatIsSentTwiceWithAKeyIsOneTask() throws IOException {
    keeping.durableWorker("shout", message -> message.reply(message.text()));
    HtmlPage page = loadDurable();
    page.<HtmlInput>getHtmlElementById("idempotency").setValue("order 17");

    send(page, "shout", "once");
    String task = text(page, "link");
    send(page, "shout", "once");
    assertThat(text(page, "link")).isEqualTo(task);

    send(page, "shout", "other");
    assertThat(text(page, "answer")).startsWith("422 idempotency-key-reused in ");
  }

  /** A shell takes the commands apart, with a curl that prints its arguments. */
  @Test
  void sameTaskIsShownAsACommand() throws IOException {
    keeping.durableWorker("shout", message -> message.reply(message.text()));
    HtmlPage page = loadDurable();
    page.<HtmlInput>getHtmlElementById("idempotency").setValue("17");
    page.<HtmlInput>getHtmlElementById("key").setValue("s3cret");

    send(page, "shout", "it's $HOME \"\n");

    String commands = text(page, "command");
    assertThat(commands).doesNotContain("s3cret");
    Process shell = new ProcessBuilder("sh", "-c", "KEY=mine; curl() { printf '<%s>' \"$@\"; echo; }; " + commands).start();
    String url = "<-s><http://localhost:" + keeping.port() + "/task";
    String task = url + "/" + text(page, "link");
    String bearer = "><-H><Authorization: Bearer mine>";
    assertThat(new String(shell.getInputStream().readAllBytes(), StandardCharsets.UTF_8).lines()).containsExactly(
        url + bearer + "<-H><Content-Type: application/json><-H><Prefer: respond-async><-H><Idempotency-Key: 17>"
            + "<-d><{\"payload\":\"it's $HOME \\\"\\n\",\"worker\":\"shout\"}>", task + bearer, task + "/result" + bearer);
  }

  @Test
  void keyIsAskedForSentAndKeptForTheTab() throws IOException {
    HttpApi closed = HttpApi.with("task.page.enabled=true", "task.clients.a.key-sha256=" + Keys.sha256("s3cret"));
    closed.echo("echo");
    HtmlPage page = browser.getPage("http://localhost:" + closed.port() + "/");
    send(page, "echo", "x");
    assertThat(text(page, "answer")).startsWith("401 unauthorized in ").contains("A key is needed");

    page.<HtmlInput>getHtmlElementById("key").type("s3cret");
    page = (HtmlPage) page.refresh();
    send(page, "echo", "x");
    assertThat(text(page, "answer")).startsWith("200 in ");
    closed.stopWorkers();
  }

  @Test
  void whatIsNoHeaderIsNotSent() throws IOException {
    HtmlPage page = loadDurable();
    page.<HtmlInput>getHtmlElementById("idempotency").setValue("\u20ac");

    send(page, "shout", "x");

    assertThat(text(page, "answer")).isEqualTo("None yet.");
  }

  @Test
  void caretStandsBehindTheExample() throws IOException {
    HtmlTextArea payload = load().getHtmlElementById("payload");

    assertThat(payload.getSelectionStart()).isEqualTo("Hello World".length());
  }

  @Test
  void pageSaysWhoMayAnswer() throws IOException {
    assertThat(text(load(), "worker-hint")).contains("Any worker that is subscribed to a\nmatching subject may answer");
  }

  @Test
  void durableTasksAreOfferedOnlyWhereTheyAreOn() throws IOException {
    assertThat(load().getElementById("durable")).isNull();
    assertThat(load().asNormalizedText()).contains("Payload").doesNotContain("Durable", "Idempotency", "Cancel");
  }

  @Test
  void lastTenAnswersAreKept() throws IOException {
    api.echo("echo");
    HtmlPage page = load();
    for (int i = 0; i <= 10; i++) {
      send(page, "echo", "number " + i);
    }

    List<DomElement> entries = page.getHtmlElementById("history").getElementsByTagName("li").stream()
        .map(DomElement.class::cast).toList();
    assertThat(entries).hasSize(10);
    assertThat(entries.get(0).getTextContent()).contains("number 10 ");
    assertThat(entries.get(9).getTextContent()).contains("number 1 ");
  }

  @Test
  void everyFieldHasALabelAndAnswersAreAnnounced() throws IOException {
    HtmlPage page = load();

    assertThat(page.querySelectorAll("label[for=worker], label[for=payload], label[for=key]").size()).isEqualTo(3);
    assertThat(page.querySelector("#answer[role=status][aria-live=polite]").isDisplayed()).isTrue();
    assertThat(page.getHtmlElementById("payload").hasAttribute("autofocus")).isTrue();
  }

  @Test
  void pageRunsNothingButItsOwnScriptAndStyle() throws IOException {
    Answer answer = api.get(api.port(), "/", CHROMIUM);

    assertThat(answer.status()).isEqualTo(200);
    assertThat(answer.header("Content-Type")).isEqualTo("text/html;charset=UTF-8");
    assertThat(answer.header("X-Content-Type-Options")).isEqualTo("nosniff");
    assertThat(answer.header("Referrer-Policy")).isEqualTo("no-referrer");
    assertThat(answer.header("Content-Security-Policy")).matches("default-src 'none'; script-src 'sha256-[^' ]{44}'; "
        + "style-src 'sha256-[^' ]{44}'; connect-src 'self'; form-action 'none'; frame-ancestors 'none'; "
        + "base-uri 'none'");
    assertThat(answer.text()).doesNotContain("http:", "https:", " style=", " onclick=").containsOnlyOnce("<script")
        .containsOnlyOnce("<style");
  }

  @ParameterizedTest
  @ValueSource(strings = {"X: no Accept", "Accept: */*", "Accept: text/plain", "Accept: text/*",
      "Accept: application/json", "Accept: application/json, text/html", "Accept: text/html;q=0.5, text/plain",
      "Accept: text/html;q=0", "Accept: nonsense"})
  void otherClientsDoNotGetThePage(String accept) throws IOException {
    assertNotFound(api.get(api.port(), "/", accept));
  }

  @Test
  void nobodyGetsThePageUnlessItIsEnabledNorAnywhereElse() throws IOException {
    assertNotFound(without.get(without.port(), "/", CHROMIUM));
    assertNotFound(api.get(api.port(), "/index.html", CHROMIUM));
    try (Connection connection = api.connect()) {
      assertNotFound(connection.send("POST / HTTP/1.1\r\nHost: test\r\n" + CHROMIUM + "\r\n\r\n").answer());
    }
  }

  private static void assertNotFound(Answer answer) {
    assertThat(answer.status()).isEqualTo(404);
    assertThat(answer.text()).isEqualTo("Not found\n");
  }

  private HtmlPage load() throws IOException {
    return browser.getPage("http://localhost:" + api.port() + "/");
  }

  private HtmlPage loadDurable() throws IOException {
    HtmlPage page = browser.getPage("http://localhost:" + keeping.port() + "/");
    page.<HtmlCheckBoxInput>getHtmlElementById("durable").setChecked(true);
    return page;
  }

  private void send(HtmlPage page, String worker, String payload) throws IOException {
    click(page, worker, payload);
    browser.waitForBackgroundJavaScript(10_000);
  }

  private static void click(HtmlPage page, String worker, String payload) throws IOException {
    page.<HtmlInput>getHtmlElementById("worker").setValue(worker);
    page.<HtmlTextArea>getHtmlElementById("payload").setText(payload);
    page.getHtmlElementById("send").click();
  }

  private static String text(HtmlPage page, String id) {
    return page.getHtmlElementById(id).getTextContent();
  }
}
