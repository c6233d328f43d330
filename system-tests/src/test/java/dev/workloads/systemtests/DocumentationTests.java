package dev.workloads.systemtests;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The guide shows the code that is tested. */
class DocumentationTests {

  @ParameterizedTest
  @ValueSource(strings = {"main/java/dev/workloads/reverse/ReverseApplication.java",
      "test/java/dev/workloads/reverse/ReverseApplicationTests.java", "main/resources/application.properties"})
  void guideHoldsTheExampleAsItIs(String file) throws IOException {
    assertThat(Files.readString(Path.of("../docs/write-a-worker.md"))).contains(
        Files.readString(Path.of("../examples/reverse/src", file)));
  }
}
