package dev.workloads.httpapi;

import static org.assertj.core.api.Assertions.assertThat;

import dev.workloads.messaging.BrokerMessage;
import java.io.IOException;
import java.util.concurrent.BlockingQueue;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

class PipeliningTests {

  private static final String NOT_FOUND = "GET /x HTTP/1.1\r\nHost: test\r\n\r\n";

  @RegisterExtension
  static final HttpApi api = HttpApi.with();

  @Test
  void pipelinedRequestsAreAnsweredInOrder() throws IOException {
    api.echo("echo");
    StringBuilder requests = new StringBuilder();
    for (int i = 0; i < 20; i++) {
      requests.append(task("echo", "x".repeat(i * 100) + i)).append(NOT_FOUND).append(chunked("echo", "y" + i))
          .append("HEAD /task HTTP/1.1\r\nHost: test\r\n\r\n");
    }

    try (Connection connection = api.connect()) {
      connection.send(requests.toString());

      for (int i = 0; i < 20; i++) {
        assertThat(connection.answer().text()).isEqualTo("x".repeat(i * 100) + i);
        assertThat(connection.answer().status()).isEqualTo(404);
        assertThat(connection.answer().text()).isEqualTo("y" + i);
        assertThat(connection.answerWithoutBody().status()).isEqualTo(405);
      }
    }
  }

  @Test
  void slowAnswerIsNotOvertaken() throws Exception {
    BlockingQueue<BrokerMessage> received = api.silent("tasks.slow");
    api.echo("echo");

    try (Connection connection = api.connect()) {
      connection.send(task("slow", "first") + task("echo", "second") + NOT_FOUND);
      BrokerMessage message = received.take();
      api.publish(message.reply(message.body()));

      assertThat(connection.answer().text()).isEqualTo("first");
      assertThat(connection.answer().text()).isEqualTo("second");
      assertThat(connection.answer().status()).isEqualTo(404);
    }
  }

  @Test
  void requestsMayBeCutAnywhere() throws IOException {
    api.echo("echo");
    String requests = task("echo", "a") + chunked("echo", "b") + task("echo", "c");

    for (int cut = 1; cut < requests.length(); cut += 7) {
      try (Connection connection = api.connect()) {
        connection.send(requests.substring(0, cut)).send(requests.substring(cut));

        assertThat(connection.answer().text()).isEqualTo("a");
        assertThat(connection.answer().text()).isEqualTo("b");
        assertThat(connection.answer().text()).isEqualTo("c");
      }
    }
  }

  @Test
  void connectionStaysOpenForVersion11AndClosesForVersion10() throws IOException {
    api.echo("echo");
    try (Connection connection = api.connect()) {
      assertThat(connection.send(task("echo", "x")).answer().header("Connection")).isNull();
      assertThat(connection.send(task("echo", "x").replace("Host", "Connection: close\r\nHost")).answer()
          .header("Connection")).isEqualTo("close");
      assertThat(connection.rest()).isEmpty();
    }
    try (Connection connection = api.connect()) {
      assertThat(connection.send(task("echo", "x").replace("HTTP/1.1\r\nHost: test", "HTTP/1.0")).answer().text())
          .isEqualTo("x");
      assertThat(connection.rest()).isEmpty();
    }
  }

  @Test
  void refusedRequestKeepsTheConnectionIfItsShortBodyHasComeIn() throws IOException {
    api.echo("echo");
    String refused = task("echo", "x").replace("/task", "/x");
    try (Connection connection = api.connect()) {
      connection.send(refused + refused + task("echo", "y"));
      for (int i = 0; i < 2; i++) {
        Answer answer = connection.answer();
        assertThat(answer.status()).isEqualTo(404);
        assertThat(answer.header("Connection")).isNull();
      }
      assertThat(connection.answer().text()).isEqualTo("y");

      connection.send(refused.substring(0, refused.length() - 1));
      assertThat(connection.answer().status()).isEqualTo(404);
      assertThat(connection.rest()).isEmpty();
    }
  }

  private static String task(String worker, String payload) {
    return HttpApi.taskRequest(HttpApi.json(worker, payload));
  }

  private static String chunked(String worker, String payload) {
    String json = HttpApi.json(worker, payload);
    return "POST /task HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n"
        + "a\r\n" + json.substring(0, 10) + "\r\n"
        + Integer.toHexString(json.length() - 10) + "\r\n" + json.substring(10) + "\r\n0\r\n\r\n";
  }
}
