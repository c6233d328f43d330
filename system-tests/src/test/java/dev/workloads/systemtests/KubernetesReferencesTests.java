package dev.workloads.systemtests;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;

/** What the manifests, the values for NATS and its configuration name of one another is there. */
class KubernetesReferencesTests {

  private static final Path NATS_CONF = Path.of("..", "deploy", "nats", "nats.conf");
  private static final JsonNode NATS = Manifests.first(Manifests.DIRECTORY.resolve("nats-values.yaml"));
  private static final JsonNode OVERLAY =
      Manifests.first(Manifests.DIRECTORY.resolve("overlays/example/kustomization.yaml"));

  static List<Path> kustomizations() {
    return Manifests.kustomizations();
  }

  @ParameterizedTest
  @MethodSource("kustomizations")
  void kustomizationNamesEachManifestBesideIt(Path file) throws IOException {
    JsonNode kustomization = Manifests.first(file);
    assertThat(kustomization.path("apiVersion").asString()).isEqualTo("kustomize.config.k8s.io/v1beta1");
    assertThat(kustomization.propertyNames()).isSubsetOf("apiVersion", "kind", "namespace", "resources", "labels",
        "images", "patches", "configMapGenerator", "secretGenerator");

    List<Path> resources = kustomization.path("resources").valueStream()
        .map(resource -> file.resolveSibling(resource.asString())).toList();
    assertThat(resources).allMatch(Files::exists);
    try (Stream<Path> files = Files.list(file.getParent())) {
      assertThat(files.filter(other -> !other.equals(file))).allMatch(resources::contains);
    }
  }

  @Test
  void overlayReplacesTheImageOfEachContainer() {
    assertThat(OVERLAY.path("images").valueStream().map(image -> image.path("name")).toList())
        .containsExactly(Manifests.container("http-api").path("image"), Manifests.container("task-leet").path("image"));
    assertThat(Manifests.container("provision").path("image")).isEqualTo(Manifests.container("task-leet").path("image"));
  }

  @Test
  void overlayPatchesWhatIsThere() {
    assertThat(OVERLAY.path("patches")).isNotEmpty().allSatisfy(patch -> {
      JsonNode target = Manifests.resource(patch.at("/target/kind").asString(), patch.at("/target/name").asString());
      assertThat(Pattern.compile("path: (\\S+)").matcher(patch.path("patch").asString()).results())
          .isNotEmpty().allSatisfy(path -> assertThat(target.at(path.group(1)).isMissingNode()).isFalse());
    });
  }

  @Test
  void selectorsNameOurPodsAndThoseOfNats() {
    assertThat(Manifests.resources()).flatExtracting(resource -> resource.findValuesAsString("app.kubernetes.io/name"))
        .containsOnly("http-api", "task-leet", "provision", "nats");
    assertThat(Manifests.resources()).flatExtracting(resource -> resource.findValues("scaleTargetRef"))
        .extracting(target -> target.path("name").asString())
        .containsExactlyInAnyOrder("http-api", "task-leet", "task-leet");
  }

  @Test
  void secretHoldsEveryPassword() {
    Map<String, String> passwords = Manifests.generated("secretGenerator", "nats-passwords");
    assertThat(Stream.concat(Manifests.resources().stream(), Stream.of(NATS))
        .flatMap(file -> file.findValues("secretKeyRef").stream())).hasSize(7).allSatisfy(reference -> {
          assertThat(reference.path("name").asString()).isEqualTo("nats-passwords");
          assertThat(passwords).containsKey(reference.path("key").asString());
        });
  }

  @ParameterizedTest
  @CsvSource({"http-api, HTTP_API_NATS_PASSWORD", "task-leet, TASK_LEET_NATS_PASSWORD",
      "provision, PROVISIONER_NATS_PASSWORD"})
  void appLogsInAsAUserOfNats(String app, String password) throws IOException {
    Map<String, JsonNode> environment = environment(app);
    String user = environment.get("MESSAGING_NATS_USERNAME").path("value").asString();

    assertThat(environment.get("MESSAGING_NATS_PASSWORD").at("/valueFrom/secretKeyRef/key").asString())
        .isEqualTo(password);
    assertThat(Files.readString(NATS_CONF))
        .containsPattern("user: \"" + user + "\"\\s+password: \\$" + password + "\\s")
        .containsPattern(
            "subscribe: .*\"" + environment.get("MESSAGING_NATS_INBOXPREFIX").path("value").asString() + "\\.>\"");
  }

  private static Map<String, JsonNode> environment(String app) {
    return Manifests.container(app).path("env").valueStream()
        .collect(Collectors.toMap(variable -> variable.path("name").asString(), Function.identity()));
  }

  @Test
  void whatIsProvisionedIsWhatTheWorkerTakesAndKedaAsksFor() {
    Map<String, JsonNode> worker = environment("task-leet");
    assertThat(environment("provision")).containsEntry("MESSAGING_DURABLE_SUBSCRIPTIONS",
        worker.get("MESSAGING_DURABLE_SUBSCRIPTIONS"));
    assertThat(environment("provision").get("MESSAGING_DURABLE_REPLICAS").path("value").asInt())
        .isEqualTo(NATS.at("/config/cluster/replicas").asInt());
    assertThat(Manifests.resource("ScaledObject", "task-leet").at("/spec/triggers/0/metadata").toString())
        .contains("\"stream\":\"JOBS_task-leet\"", "\"consumer\":\"task-leet\"", "nats-headless.tasks.");
  }

  @Test
  void natsTakesItsUsersFromTheFileThatTheCommandGivesIt() throws IOException {
    String values = Files.readString(Manifests.DIRECTORY.resolve("nats-values.yaml"));
    assertThat(NATS.at("/config/merge/$include").asString()).isEqualTo("./users.conf");
    assertThat(values).contains("--set-file 'configMap.merge.data.users\\.conf=deploy/nats/nats.conf'");
  }

  @Test
  void natsGetsEveryVariableOfItsConfigurationInQuotes() throws IOException {
    JsonNode environment = NATS.at("/container/env");
    assertThat(Pattern.compile("password: \\$(\\S+)").matcher(Files.readString(NATS_CONF)).results())
        .hasSize(4).allSatisfy(variable -> {
          String name = variable.group(1);
          String bare = name.replace("_NATS_", "_BARE_");
          assertThat(environment.path(name).asString()).isEqualTo("\"$(" + bare + ")\"");
          assertThat(environment.path(bare).at("/valueFrom/secretKeyRef/key").asString()).isEqualTo(name);
          assertThat(bare).as("the chart sorts, and only earlier variables are known").isLessThan(name);
        });
  }

  @Test
  void appsKnowEachServerOfNats() {
    assertThat(Manifests.generated("configMapGenerator", "nats").get("NATS_URL").split(",")).containsExactlyElementsOf(
        IntStream.range(0, NATS.at("/config/cluster/replicas").asInt())
            .mapToObj(server -> "nats://nats-" + server + ".nats-headless:4222").toList());
  }
}
