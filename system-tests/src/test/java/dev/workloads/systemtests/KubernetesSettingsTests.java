package dev.workloads.systemtests;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Collections;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Properties;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.springframework.boot.convert.DurationStyle;
import tools.jackson.databind.JsonNode;

/** The Deployments fit the apps and their images: settings, ports, paths, users, limits and times. */
class KubernetesSettingsTests {

  private static final Path ROOT = Path.of("..");
  private static final Duration CLOSING = Duration.ofSeconds(5);

  @ParameterizedTest
  @CsvSource({"http-api, dev.workloads.leet", "task-leet, dev.workloads.httpapi", "provision, dev.workloads.httpapi"})
  void everyVariableIsASettingOfTheApp(String app, String otherApp) throws IOException {
    Set<String> variables = new HashSet<>(environment(app).keySet());
    assertThat(variables.remove("NATS_URL")).as("read by MessagingAutoConfiguration itself").isTrue();

    assertThat(defaults(otherApp).keySet().stream().map(KubernetesSettingsTests::variable).toList())
        .containsAll(variables);
  }

  @ParameterizedTest
  @ValueSource(strings = {"http-api", "task-leet", "provision"})
  void containerHasWhatDockerComposeGivesIt(String app) {
    JsonNode compose = Manifests.first(ROOT.resolve("docker-compose.yml")).path("services").path(app);
    Map<String, String> environment = environment(app);

    compose.path("environment").properties().forEach(variable -> {
      if (variable.getKey().equals("TASK_PAGE_ENABLED")) {
        return; // the page to try it is for development
      }
      assertThat(environment).containsKey(variable.getKey());
      if (!Set.of("NATS_URL", "MESSAGING_NATS_PASSWORD", "MANAGEMENT_ENDPOINT_TASKS_ACCESS").contains(variable.getKey())) {
        assertThat(environment).containsEntry(variable.getKey(), variable.getValue().asString());
      }
    });
    assertThat(Manifests.container(app).at("/resources/limits/memory").asString())
        .isEqualTo(compose.path("mem_limit").asString().replace("m", "Mi"));
  }

  @ParameterizedTest
  @CsvSource({"http-api, management.server.port", "task-leet, server.port"})
  void probesAndPrometheusAskTheManagementPort(String app, String setting) throws IOException {
    JsonNode container = Manifests.container(app);
    String port = properties(app).getProperty(setting);

    assertThat(ports(container)).containsEntry("management", port);
    assertThat(Stream.of("startupProbe", "livenessProbe", "readinessProbe")
        .map(probe -> container.path(probe).path("httpGet")))
        .allSatisfy(get -> assertThat(get.path("port").asString()).isEqualTo("management"))
        .extracting(get -> get.path("path").asString()).containsExactly(App.LIVENESS, App.LIVENESS, App.READINESS);
    JsonNode annotations = Manifests.template(app).at("/metadata/annotations");
    assertThat(annotations.path("prometheus.io/port").asString()).isEqualTo(port);
    assertThat(annotations.path("prometheus.io/path").asString()).isEqualTo(App.PROMETHEUS);
  }

  @Test
  void serviceLeadsToThePublicPort() throws IOException {
    assertThat(ports(Manifests.container("http-api")))
        .containsEntry("http", properties("http-api").getProperty("server.port"));
    JsonNode port = Manifests.resource("Service", "http-api").at("/spec/ports/0");
    JsonNode backend = Manifests.resource("Ingress", "http-api").at("/spec/rules/0/http/paths/0/backend/service");
    assertThat(port.path("targetPort").asString()).isEqualTo("http");
    assertThat(backend.toString()).isEqualTo("{\"name\":\"http-api\",\"port\":{\"name\":\"http\"}}");
  }

  @ParameterizedTest
  @ValueSource(strings = {"http-api", "task-leet", "provision"})
  void podRunsAsTheUserOfTheImageAndMayDoNothingElse(String app) throws IOException {
    JsonNode pod = Manifests.template(app).path("spec");
    String uid = pod.at("/securityContext/runAsUser").asString();
    assertThat(Files.readString(ROOT.resolve("Dockerfile"))).contains("--uid " + uid + " ");
    assertThat(pod.at("/automountServiceAccountToken").asBoolean(true)).isFalse();
    assertThat(pod.at("/securityContext/runAsNonRoot").asBoolean()).isTrue();
    assertThat(pod.at("/securityContext/seccompProfile/type").asString()).isEqualTo("RuntimeDefault");
    assertThat(Manifests.container(app).path("securityContext").toString()).isEqualTo(
        "{\"allowPrivilegeEscalation\":false,\"readOnlyRootFilesystem\":true,\"capabilities\":{\"drop\":[\"ALL\"]}}");
  }

  @ParameterizedTest
  @CsvSource({"http-api, task.drain-delay", "task-leet, messaging.drain-timeout"})
  void gracePeriodIsLongerThanTheDrain(String app, String drain) throws IOException {
    Map<String, String> settings = defaults("");
    String drained = environment(app).getOrDefault(variable(drain), settings.get(drain));
    Duration phase = DurationStyle.detectAndParse(settings.get("spring.lifecycle.timeout-per-shutdown-phase"));

    assertThat(DurationStyle.detectAndParse(drained)).isLessThan(phase);
    assertThat(Duration.ofSeconds(Manifests.template(app).at("/spec/terminationGracePeriodSeconds").asInt()))
        .isGreaterThanOrEqualTo(DurationStyle.detectAndParse(drained).plus(phase).plus(CLOSING));
  }

  /** The settings of which there is metadata, but those of the other app's package, and their defaults. */
  private static Map<String, String> defaults(String otherApp) throws IOException {
    Map<String, String> settings = new LinkedHashMap<>();
    for (URL url : Collections.list(KubernetesSettingsTests.class.getClassLoader()
        .getResources("META-INF/spring-configuration-metadata.json"))) {
      try (InputStream metadata = url.openStream()) {
        Manifests.JSON.readTree(metadata).path("properties").valueStream()
            .filter(property -> otherApp.isEmpty() || !property.path("sourceType").asString("").startsWith(otherApp))
            .forEach(each -> settings.put(each.path("name").asString(), each.path("defaultValue").asString("")));
      }
    }
    return settings;
  }

  private static String variable(String property) {
    return property.replace("-", "").replace('.', '_').toUpperCase(Locale.ROOT);
  }

  private static Map<String, String> environment(String app) {
    Map<String, String> environment = new LinkedHashMap<>(Manifests.generated("configMapGenerator", "nats"));
    Manifests.container(app).path("env").forEach(variable ->
        environment.put(variable.path("name").asString(), variable.path("value").asString("")));
    return environment;
  }

  private static Map<String, String> ports(JsonNode container) {
    Map<String, String> ports = new LinkedHashMap<>();
    container.path("ports").forEach(port ->
        ports.put(port.path("name").asString(), port.path("containerPort").asString()));
    return ports;
  }

  private static Properties properties(String app) throws IOException {
    Properties properties = new Properties();
    properties.load(Files.newBufferedReader(
        ROOT.resolve(app).resolve("src/main/resources").resolve(app + ".properties"), UTF_8));
    return properties;
  }
}
