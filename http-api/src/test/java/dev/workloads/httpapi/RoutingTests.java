package dev.workloads.httpapi;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class RoutingTests {

  @RegisterExtension
  static final HttpApi api = HttpApi.with();

  @ParameterizedTest
  @ValueSource(strings = {"GET", "HEAD", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "PROPFIND", "MADE-UP", "post",
      "Post"})
  void otherMethodsAreNotAllowed(String method) throws IOException {
    try (Connection connection = api.connect()) {
      connection.send(method + " /task HTTP/1.1\r\nHost: test\r\nSecret: x\r\n\r\n");
      Answer answer = method.equals("HEAD") ? connection.answerWithoutBody() : connection.answer();

      assertThat(answer.status()).isEqualTo(405);
      assertThat(answer.header("Allow")).isEqualTo("POST");
      assertThat(answer.header("Content-Type")).isEqualTo("text/plain;charset=UTF-8");
      assertThat(answer.header("X-Content-Type-Options")).isEqualTo("nosniff");
      assertThat(answer.text()).isEqualTo(method.equals("HEAD") ? "" : "a task is sent by POST\n");
      assertThat(connection.send(HttpApi.taskRequest("{")).answer().status()).isEqualTo(400); // still in step
    }
  }

  @Test
  void methodThatIsNotAllowedIsAProblemForJsonClients() throws IOException {
    Answer answer = api.get(api.port(), "/task", "Accept: application/json");

    assertThat(answer.status()).isEqualTo(405);
    assertThat(answer.reason()).isEqualTo("method-not-allowed");
    assertThat(answer.header("Allow")).isEqualTo("POST");
  }

  @ParameterizedTest
  @ValueSource(strings = {"/", "/task/", "/task/x", "/tasks", "/Task", "/TASK", "/index.html", "/error", "/favicon.ico",
      "/actuator", "/actuator/health", "/actuator/prometheus", "/actuator/info", "/robots.txt", "/WEB-INF/web.xml",
      "/META-INF/MANIFEST.MF", "/x/%2e%2e/task/x", "/%2e/x", "/x/%2e%2e/y", "/a/../b", "/x;y=z", "/task%20", "/task%0A",
      "/task.json", "/%74ask/", "/x?a=b", "/?/task", "/webjars/x", "/static/x", "/http-api.properties"})
  void everyOtherPathIsNotFound(String path) throws IOException {
    for (String accept : new String[] {"*/*", "application/json", "text/html", "nonsense"}) {
      Answer answer = api.get(api.port(), path, "Accept: " + accept);

      assertThat(answer.status()).isEqualTo(404);
      assertThat(answer.text()).isEqualTo("Not found\n");
      assertThat(answer.header("Content-Type")).isEqualTo("text/plain;charset=UTF-8");
      assertThat(answer.header("X-Content-Type-Options")).isEqualTo("nosniff");
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"GET", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "MADE-UP"})
  void otherPathIsNotFoundByAnyMethod(String method) throws IOException {
    try (Connection connection = api.connect()) {
      Answer answer = connection.send(method + " /x HTTP/1.1\r\nHost: test\r\nContent-Length: 0\r\n\r\n").answer();

      assertThat(answer.status()).isEqualTo(404);
      assertThat(answer.text()).isEqualTo("Not found\n");
    }
  }

  // Tomcat's own answer, which offered TRACE and more
  @Test
  void serverAsAWholeOffersNoMethods() throws IOException {
    try (Connection connection = api.connect()) {
      Answer answer = connection.send("OPTIONS * HTTP/1.1\r\nHost: test\r\n\r\n").answer();

      assertThat(answer.status()).isEqualTo(200);
      assertThat(answer.headers().keySet()).containsExactlyInAnyOrder("Content-Length", "Date");
    }
  }

  @Test
  void answersNameNoServer() throws IOException {
    Answer answer = api.get(api.port(), "/");

    assertThat(answer.headers().keySet())
        .containsExactlyInAnyOrder("Content-Type", "Content-Length", "X-Content-Type-Options", "Cache-Control", "Date");
  }
}
