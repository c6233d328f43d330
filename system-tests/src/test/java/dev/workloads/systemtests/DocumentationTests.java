package dev.workloads.systemtests;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.HexFormat;
import java.util.List;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The guides show the code of the examples; links lead somewhere, and settings are those of the apps. */
class DocumentationTests {

  @ParameterizedTest
  @ValueSource(strings = {"main/java/dev/workloads/reverse/ReverseApplication.java",
      "main/java/dev/workloads/reverse/TextListeners.java", "main/java/dev/workloads/reverse/WordListener.java", "main/resources/application.properties",
      "test/java/dev/workloads/reverse/ReverseApplicationTests.java",
      "test/java/dev/workloads/reverse/RealServerTests.java"})
  void guideHoldsTheExampleAsItIs(String file) throws IOException {
    assertThat(Files.readString(Path.of("../docs/write-a-worker.md"))).contains(
        Files.readString(Path.of("../examples/reverse/src", file)));
  }

  @ParameterizedTest
  @CsvSource({"go, go, go", "python, python, py", "js, node, mjs"})
  void pageShowsPartsOfTheExamplesInOtherLanguages(String fence, String directory, String extension) throws IOException {
    List<String> files = new ArrayList<>();
    try (Stream<Path> found = Files.walk(Path.of("../examples", directory), 2)) { // no further: libraries may be below
      for (Path file : found.filter(each -> each.toString().endsWith("." + extension)).toList()) {
        files.add(Files.readString(file));
      }
    }

    assertThat(Pattern.compile("^```" + fence + "\n(.+?)^```$", Pattern.MULTILINE | Pattern.DOTALL)
        .matcher(Files.readString(Path.of("../docs/other-languages.md"))).results().map(block -> block.group(1)))
        .isNotEmpty().allSatisfy(block -> assertThat(files).anyMatch(file -> file.contains(block)));
  }

  @ParameterizedTest
  @ValueSource(strings = {"README.md", "SECURITY.md", "docs/write-a-worker.md", "docs/other-languages.md",
      "docs/operate/add-a-worker.md", "docs/operate/answers-and-settings.md", "docs/operate/durable-tasks.md",
      "docs/operate/kubernetes.md", "docs/operate/observe.md", "docs/operate/retry-with-the-page.md",
      "docs/operate/security.md",
      "docs/operate/when-something-fails.md"})
  void linksLeadToFiles(String file) throws IOException {
    Path page = Path.of("..", file);

    assertThat(Pattern.compile("]\\((?!https?:)([^)#]+)").matcher(Files.readString(page)).results()
        .map(link -> page.resolveSibling(link.group(1)))).isNotEmpty().allMatch(Files::exists);
  }

  @ParameterizedTest
  @CsvSource({"answers-and-settings, 20", "durable-tasks, 10"})
  void everySettingOfThePageIsOneOfTheApps(String page, int least) throws IOException {
    Set<String> known = new HashSet<>();
    for (URL url : Collections.list(getClass().getClassLoader()
        .getResources("META-INF/spring-configuration-metadata.json"))) {
      try (InputStream metadata = url.openStream()) {
        Manifests.JSON.readTree(metadata).path("properties").forEach(each -> known.add(each.path("name").asString()));
      }
    }

    assertThat(Pattern.compile("^\\| `((?:messaging|task)\\.[a-z.-]+)`", Pattern.MULTILINE)
        .matcher(Files.readString(Path.of("../docs/operate", page + ".md"))).results().map(setting -> setting.group(1)))
        .hasSizeGreaterThan(least).isSubsetOf(known);
  }

  @Test
  void keyThatTheComposeFileOffersHasTheHashBesideIt() throws Exception {
    Matcher offer = Pattern.compile("here \"([^\"]+)\".*\n *# TASK_CLIENTS_DEMO_KEYSHA256: (\\w+)\n")
        .matcher(Files.readString(Path.of("../docker-compose.yml")));

    assertThat(offer.find()).isTrue();
    assertThat(HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(offer.group(1).getBytes(UTF_8))))
        .isEqualTo(offer.group(2));
  }

  /** What comes after dev is built, and downloaded for, once the app that a newcomer runs has ended. */
  @Test
  void devIsTheLastModule() throws IOException {
    assertThat(Files.readString(Path.of("../pom.xml"))).containsPattern("<module>dev</module>\\s+</modules>");
  }
}
