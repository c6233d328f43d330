package dev.workloads.systemtests;

import java.io.IOException;
import java.io.Reader;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.yaml.snakeyaml.LoaderOptions;
import org.yaml.snakeyaml.Yaml;
import org.yaml.snakeyaml.constructor.SafeConstructor;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** What {@code deploy/kubernetes} holds, as it is: nothing here knows what kustomize makes of it. */
final class Manifests {

  static final Path DIRECTORY = Path.of("..", "deploy", "kubernetes");
  static final JsonMapper JSON = JsonMapper.shared();

  private Manifests() {}

  /** Returns the kustomization.yaml files. */
  static List<Path> kustomizations() {
    try (Stream<Path> files = Files.walk(DIRECTORY)) {
      return files.filter(file -> file.endsWith("kustomization.yaml")).toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Returns all resources that the kustomizations name. */
  static List<JsonNode> resources() {
    return kustomizations().stream().flatMap(file -> first(file).path("resources").valueStream()
        .map(resource -> file.resolveSibling(resource.asString())).filter(Files::isRegularFile))
        .flatMap(Manifests::read).toList();
  }

  /** Returns the one resource of that kind and name. */
  static JsonNode resource(String kind, String name) {
    return resources().stream().filter(resource -> resource.path("kind").asString().equals(kind)
        && resource.at("/metadata/name").asString().equals(name)).findFirst().orElseThrow();
  }

  /** Returns the template of the pods, of a Deployment or a Job, with the container of that name. */
  static JsonNode template(String container) {
    return resources().stream().map(resource -> resource.at("/spec/template"))
        .filter(template -> template.at("/spec/containers/0/name").asString("").equals(container)).findFirst().orElseThrow();
  }

  /** Returns the container of that name. */
  static JsonNode container(String name) {
    return template(name).at("/spec/containers/0");
  }

  /** Returns what a generator of one of the kustomizations puts into the ConfigMap or Secret of that name. */
  static Map<String, String> generated(String generator, String name) {
    return kustomizations().stream().flatMap(file -> first(file).path(generator).valueStream())
        .filter(generated -> generated.path("name").asString().equals(name))
        .flatMap(generated -> generated.path("literals").valueStream()).map(literal -> literal.asString().split("=", 2))
        .collect(Collectors.toMap(literal -> literal[0], literal -> literal[1]));
  }

  /** Returns the first document of a YAML file. */
  static JsonNode first(Path file) {
    return read(file).findFirst().orElseThrow();
  }

  /** Reads YAML documents, refusing a key that is there twice. */
  static Stream<JsonNode> read(Path file) {
    LoaderOptions options = new LoaderOptions();
    options.setAllowDuplicateKeys(false);
    try (Reader text = Files.newBufferedReader(file)) {
      return StreamSupport.stream(new Yaml(new SafeConstructor(options)).loadAll(text).spliterator(), false)
          .<JsonNode>map(JSON::valueToTree).toList().stream();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
