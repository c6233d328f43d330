package dev.workloads.httpapi;

import static org.assertj.core.api.Assertions.assertThat;

import dev.workloads.messaging.testing.ScriptedTransport;
import java.io.IOException;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.extension.RegisterExtension;
import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;

@ExtendWith(OutputCaptureExtension.class)
class LogTests {

  private static final String FORGED = "2026-01-01T00:00:00.000Z ERROR 1 --- [http-api] forged";

  private static final ScriptedTransport transport = new ScriptedTransport();

  @RegisterExtension
  static final HttpApi api = HttpApi.over(transport);

  @Test
  void textOfAnExceptionForgesNoLine(CapturedOutput output) throws IOException {
    transport.answer(request -> {
      throw new IllegalStateException("a\n" + FORGED,
          new IllegalArgumentException("b\r" + FORGED + "\r\n" + FORGED));
    });

    assertThat(api.post("{\"payload\":\"x\"}").status()).isEqualTo(500);

    assertThat(output.getAll()).contains("A request failed", "IllegalStateException: a", "\tat ");
    List<String> lines = output.getAll().lines().toList(); // ended by LF, by CR or by both
    assertThat(lines).filteredOn(line -> line.contains("forged")).hasSize(3).allMatch(line -> line.startsWith(" "));
  }
}
