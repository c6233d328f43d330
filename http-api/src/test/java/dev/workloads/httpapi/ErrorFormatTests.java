package dev.workloads.httpapi;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.json.JsonMapper;

class ErrorFormatTests {

  private static final String MALFORMED = "{";

  @RegisterExtension
  static final HttpApi api = HttpApi.with();

  @Test
  void errorIsTextWithoutAccept() throws IOException {
    assertText(api.post(MALFORMED));
  }

  @ParameterizedTest
  @ValueSource(strings = {
      "",
      "*/*",
      "text/plain",
      "text/*",
      "text/plain, */*",
      "text/html",
      "image/png",
      "application/xml",
      "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
      "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8",
      "text/plain, application/json",
      "application/json, text/plain",
      "text/plain;q=0.9, application/json;q=0.8",
      "text/plain;q=0.5, application/problem+json;q=0.4, application/json;q=0.3",
      "application/json;q=0.5, text/*",
      "application/json;q=0.5, */*",
      "application/json;q=0",
      "application/json;q=0, */*;q=0.1",
      "application/problem+json;q=0.0",
      "nonsense",
      "text/",
      "/json",
      ";",
      ",",
      "application/json;q=high",
      "application/json;q=2",
      "application/json;q=-1",
      "application/json;charset=nonsense",
      "application/*foo*",
      "*/json"})
  void errorIsTextUnlessJsonIsPreferred(String accept) throws IOException {
    assertText(api.post(MALFORMED, "Accept: " + accept));
  }

  @ParameterizedTest
  @ValueSource(strings = {
      "application/json",
      "application/problem+json",
      "Application/JSON",
      "application/json;charset=utf-8",
      "application/json, */*",
      "application/problem+json, application/json",
      "application/json;q=0.9, text/plain;q=0.8",
      "text/plain;q=0.3, application/problem+json;q=0.4",
      "application/problem+json;q=0.4, application/json;q=0, text/plain;q=0.3",
      "application/*",
      "application/*;q=0.5, text/*;q=0.4",
      "text/html, application/json;q=0.001",
      "application/json, */*;q=0.8"})
  void errorIsAProblemWhereJsonIsPreferred(String accept) throws IOException {
    assertProblem(api.post(MALFORMED, "Accept: " + accept));
  }

  @Test
  void acceptMayComeInSeveralLines() throws IOException {
    assertProblem(api.post(MALFORMED, "Accept: text/html", "Accept: application/json"));
    assertText(api.post(MALFORMED, "Accept: application/json;q=0.5", "Accept: text/plain"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"application/json", "image/png", "application/xml", "nonsense"})
  void acceptDoesNotMatterToAReply(String accept) throws IOException {
    api.echo("echo");

    Answer answer = api.post(HttpApi.json("echo", "x"), "Accept: " + accept);

    assertThat(answer.status()).isEqualTo(200);
    assertThat(answer.header("Content-Type")).isEqualTo("text/plain;charset=UTF-8");
    assertThat(answer.text()).isEqualTo("x");
  }

  private static void assertText(Answer answer) {
    assertThat(answer.status()).isEqualTo(400);
    assertThat(answer.header("Content-Type")).isEqualTo("text/plain;charset=UTF-8");
    assertThat(answer.header("X-Content-Type-Options")).isEqualTo("nosniff");
    assertThat(answer.text()).matches("the body is not valid JSON: see line 1, column 2\n");
  }

  private static void assertProblem(Answer answer) {
    assertThat(answer.status()).isEqualTo(400);
    assertThat(answer.header("Content-Type")).isEqualTo("application/problem+json");
    assertThat(answer.header("X-Content-Type-Options")).isEqualTo("nosniff");
    assertThat(answer.json()).isEqualTo(JsonMapper.shared().readTree("""
        {"type": "about:blank", "title": "Bad Request", "status": 400,
         "detail": "the body is not valid JSON: see line 1, column 2", "reason": "invalid-request"}"""));
  }
}
