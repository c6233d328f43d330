package dev.workloads.systemtests;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.condition.EnabledOnJre;
import org.junit.jupiter.api.condition.JRE;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The flags of the images, on the Java of the images, with a program that needs no training: it prints its version. */
@EnabledOnJre(JRE.JAVA_25)
class ImageTests {

  @TempDir
  Path directory;

  /** Machine code is that of the CPU which built the image; older ones would end the app with SIGILL (JDK-8388703). */
  @ParameterizedTest
  @ValueSource(strings = {"http-api", "task-leet"})
  void cacheHoldsNoMachineCodeAndFitsTheFlagsOfTheImage(String app) throws Exception {
    String dockerfile = Files.readString(Path.of("../Dockerfile")).replaceAll("\\\\\n *", "");
    String training = found("train " + app + "\\.jar \\S+ (.*)", dockerfile);
    String running = found("ENTRYPOINT \\[\"java\", (.*), \"-jar\", \"" + app + "\\.jar\"]", dockerfile).replaceAll("[\",]", "");

    assertThat(java(training, "-XX:AOTCacheOutput=app.aot", "-Xlog:aot").lines()
        .filter(line -> line.contains("file region (ac)"))).isNotEmpty().allMatch(line -> line.endsWith(" 0 bytes"));
    assertThat(java(running, "-XX:AOTMode=on", "-Xlog:aot")).contains("Using AOT-linked classes: true");
  }

  private static String found(String pattern, String text) {
    Matcher matcher = Pattern.compile(pattern).matcher(text);
    assertThat(matcher.find()).as(pattern).isTrue();
    return matcher.group(1);
  }

  private String java(String flags, String... more) throws IOException, InterruptedException {
    List<String> command = new ArrayList<>(List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString()));
    Stream.concat(Stream.of(flags.split(" ")), Stream.of(more)).forEach(command::add);
    command.addAll(List.of("-m", "jdk.httpserver", "--version"));
    Path output = directory.resolve("output");
    Process process = new ProcessBuilder(command).directory(directory.toFile()).redirectErrorStream(true)
        .redirectOutput(output.toFile()).start();
    assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
    assertThat(process.exitValue()).as(() -> String.join(" ", command)).isZero();
    return Files.readString(output);
  }
}
