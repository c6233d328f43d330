package dev.workloads.systemtests;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What {@code deploy/nats/put-back} says to who calls it wrongly; it puts nothing back here, which needs the NATS CLI. */
class PutBackTests {

  @ParameterizedTest
  @ValueSource(strings = {"", "--user", "0", "1x"})
  void whoGivesNoNumberIsToldTheUsage(String arguments) throws IOException, InterruptedException {
    List<String> command = new ArrayList<>(List.of("../deploy/nats/put-back"));
    if (!arguments.isEmpty()) {
      command.add(arguments);
    }
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();

    assertThat(new String(process.getInputStream().readAllBytes(), UTF_8)).startsWith("usage: put-back SEQUENCE")
        .hasLineCount(1);
    assertThat(process.waitFor(10, TimeUnit.SECONDS)).isTrue();
    assertThat(process.exitValue()).isEqualTo(2);
  }
}
