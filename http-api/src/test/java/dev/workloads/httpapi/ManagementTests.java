package dev.workloads.httpapi;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.springframework.boot.test.context.runner.ApplicationContextRunner;
import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;
import org.springframework.boot.web.server.servlet.context.ServletWebServerApplicationContext;

@ExtendWith(OutputCaptureExtension.class)
class ManagementTests {

  @RegisterExtension
  static final HttpApi api = HttpApi.with();

  @ParameterizedTest
  @ValueSource(strings = {"/actuator/health", "/actuator/health/liveness", "/actuator/health/readiness"})
  void applicationIsUp(String path) throws IOException {
    Answer answer = api.get(api.managementPort(), path);

    assertThat(answer.status()).isEqualTo(200);
    assertThat(answer.json().path("status").asString()).isEqualTo("UP");
  }

  @Test
  void readinessDependsOnTheTransportAndLivenessDoesNot() throws IOException {
    assertThat(api.get(api.managementPort(), "/actuator/health/readiness").json().path("components").propertyNames())
        .containsExactlyInAnyOrder("messaging", "readinessState");
    assertThat(api.get(api.managementPort(), "/actuator/health/liveness").json().path("components").propertyNames())
        .doesNotContain("messaging");
  }

  @Test
  void metricsAndInfoAreThere() throws IOException {
    assertThat(api.get(api.managementPort(), "/actuator/prometheus").text()).contains("jvm_memory_used_bytes");
    assertThat(api.get(api.managementPort(), "/actuator/info").status()).isEqualTo(200);
  }

  @Test
  void requestsAreThereByTheNamesOfOpenTelemetryWhereWanted() throws IOException {
    HttpApi counting = HttpApi.with("messaging.otel-metrics=true");
    counting.echo("echo");
    counting.task("echo", "x");
    counting.task("nobody", "x");

    assertThat(counting.get(counting.managementPort(), "/actuator/prometheus").text().lines())
        .contains(series("count", "none", ""), series("count", "no-responders", ""), series("bucket", "none", ",le=\"10.0\""));
    counting.stopWorkers();
  }

  private static String series(String kind, String error, String bound) {
    return "messaging_client_operation_duration_seconds_" + kind + "{error_type=\"" + error
        + "\",messaging_operation_name=\"send\",messaging_system=\"nats\"" + bound + "} 1";
  }

  @ParameterizedTest
  @ValueSource(strings = {"/actuator/env", "/actuator/beans", "/actuator/heapdump", "/actuator/shutdown",
      "/actuator/loggers", "/task"})
  void nothingElseIsThere(String path) throws IOException {
    assertThat(api.get(api.managementPort(), path).status()).isEqualTo(404);
  }

  @Test
  void portOfItsOwnIsRequired() {
    new ApplicationContextRunner().withUserConfiguration(HttpApiConfiguration.class)
        .withPropertyValues("server.port=8000", "management.server.port=8000")
        .run(context -> assertThat(context).getFailure().rootCause()
            .hasMessage("Property management.server.port with value '8000' is invalid: "
                + "The value must differ from server.port, whose every path is the API's."));
  }

  @ParameterizedTest
  @ValueSource(strings = {"/actuator/health/x", "/actuator/..;/x"})
  void unknownPathIsNotFoundWithoutAStackTrace(String path, CapturedOutput output) throws IOException {
    assertThat(api.get(api.managementPort(), path).status()).isEqualTo(404);
    assertThat(output.getAll()).doesNotContain("Exception");
  }

  @ParameterizedTest
  @ValueSource(strings = {"/actuator/health/..;/env", "/actuator/health/%2e%2e/env", "/actuator/health/x/y"})
  void answerBelowAnUnknownComponentNamesNoClass(String path) throws IOException {
    Answer answer = api.get(api.managementPort(), path);

    assertThat(answer.status()).isGreaterThanOrEqualTo(400);
    assertThat(answer.text()).doesNotContain("Exception", "springframework", "\tat ");
  }

  @Test
  void readinessNeedsNoneOfTheUsualIndicators() throws IOException {
    HttpApi bare = HttpApi.with("management.health.defaults.enabled=false");

    assertThat(bare.get(bare.managementPort(), "/actuator/health/readiness").json().path("components").propertyNames())
        .containsExactlyInAnyOrder("messaging", "readinessState");
  }

  @Test
  void publicPortHasNoFilterThatItDoesNotNeed() {
    ServletWebServerApplicationContext context = (ServletWebServerApplicationContext) api.context();

    assertThat(context.getServletContext().getFilterRegistrations().keySet())
        .containsExactly("webMvcObservationFilter");
  }
}
