package dev.workloads.httpapi;

import static org.assertj.core.api.Assertions.assertThat;

import jakarta.servlet.Filter;
import jakarta.servlet.ReadListener;
import jakarta.servlet.ServletInputStream;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletRequestWrapper;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;
import org.springframework.boot.web.servlet.FilterRegistrationBean;
import org.springframework.context.annotation.Bean;

/** Bodies that cannot be read because of a fault on our side, which a filter stands for. */
@ExtendWith(OutputCaptureExtension.class)
class BodyFaultTests {

  private static final int MAX_BUFFERED = 64 * 1024;
  private static final int FIRST_BYTES = 512; // of each body
  private static final String JSON = "Accept: application/problem+json";

  private final List<HttpApi> started = new ArrayList<>();

  @AfterEach
  void close() {
    started.forEach(api -> api.context().close());
  }

  /** Lets no request of the path be worked on without a thread. */
  static class NoAsync {

    @Bean
    FilterRegistrationBean<Filter> noAsync() {
      return registration((request, response, chain) -> chain.doFilter(request, response), false);
    }
  }

  /** Makes each read of a body fail that the client marks. */
  static class FailingRead {

    @Bean
    FilterRegistrationBean<Filter> failingRead() {
      return registration((request, response, chain) -> chain.doFilter(
          new FailingRequest((HttpServletRequest) request), response), true);
    }
  }

  private static FilterRegistrationBean<Filter> registration(Filter filter, boolean async) {
    FilterRegistrationBean<Filter> registration = new FilterRegistrationBean<>(filter);
    registration.setAsyncSupported(async);
    return registration;
  }

  private HttpApi start(Class<?> fault) {
    HttpApi api = HttpApi.start(List.of("spring.main.sources=" + fault.getName(), "task.max-buffered=64KB"));
    started.add(api);
    api.echo("echo");
    return api;
  }

  @Test
  void bytesComeBackWhereReadingDoesNotBegin() throws IOException {
    HttpApi api = start(NoAsync.class);
    for (int i = 0; i < MAX_BUFFERED / FIRST_BYTES + 1; i++) {
      try (Connection connection = api.connect()) {
        connection.send("POST /task HTTP/1.1\r\nHost: test\r\n" + JSON + "\r\nTransfer-Encoding: chunked\r\n\r\n");

        assertThat(connection.answer().reason()).isEqualTo("internal-error"); // and not that there is no room
      }
    }
  }

  @Test
  void faultOfOursIsNotTakenForTheClients(CapturedOutput output) throws IOException {
    HttpApi api = start(FailingRead.class);
    try (Connection connection = api.connect()) {
      connection.send(HttpApi.taskHead(50_000, JSON, "Fault: yes")).send(" ".repeat(30_000));

      Answer answer = connection.answer();
      assertThat(answer.status()).isEqualTo(500);
      assertThat(answer.reason()).isEqualTo("internal-error");
      assertThat(answer.text()).doesNotContain("secret");
      assertThat(connection.rest()).isEmpty();
    }
    assertThat(output.getAll().lines().filter(line -> line.contains(" ERROR ")).toList())
        .singleElement().asString().contains("A request failed");
    assertAllBytesAreFree(api);
  }

  @Test
  void faultOfTheClientIsTheClients(CapturedOutput output) throws IOException {
    HttpApi api = start(FailingRead.class);
    try (Connection connection = api.connect()) {
      Answer answer = connection.send(HttpApi.taskHead(100, JSON)).send("{").endOutput().answer();

      assertThat(answer.status()).isEqualTo(400);
    }
    assertThat(output.getAll()).doesNotContain(" ERROR ", "\tat ");
  }

  private static void assertAllBytesAreFree(HttpApi api) {
    String json = HttpApi.json("echo", "x");
    String body = json + " ".repeat(MAX_BUFFERED - json.length());
    Awaitility.await().untilAsserted(() -> assertThat(api.post(body).status()).isEqualTo(200));
  }

  /** Has an input stream that fails where it is read without a thread. */
  private static final class FailingRequest extends HttpServletRequestWrapper {

    private FailingRequest(HttpServletRequest request) {
      super(request);
    }

    @Override
    public ServletInputStream getInputStream() throws IOException {
      ServletInputStream in = super.getInputStream();
      return getHeader("Fault") == null ? in : new FailingStream(in);
    }
  }

  private static final class FailingStream extends ServletInputStream {

    private final ServletInputStream in;

    private FailingStream(ServletInputStream in) {
      this.in = in;
    }

    @Override
    public int available() {
      return 0;
    }

    @Override
    public boolean isFinished() {
      return in.isFinished();
    }

    @Override
    public boolean isReady() {
      return in.isReady();
    }

    @Override
    public void setReadListener(ReadListener listener) {
      in.setReadListener(listener);
    }

    @Override
    public int read() {
      throw new IllegalStateException("secret");
    }
  }
}
