package dev.workloads.messaging.nats;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.util.Base64;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class NatsInputBufferTests {

  private static final String BAD = "NATS/1.0\r\nName: \u00fc\r\n\r\n";
  private static final String WRAPPED = "NATS/1.0\r\nWrapped-Headers:"
      + Base64.getEncoder().encodeToString(BAD.getBytes(ISO_8859_1)) + "\r\n\r\n";
  private static final String LARGE = "NATS/1.0\r\nName: " + "x".repeat(200_000) + "\r\n\r\n";

  // However the bytes come in, and however few of them jnats takes at once
  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 7, 50, 1000, 65_536, 1_000_000})
  void onlyUnreadableHeadersAreChanged(int atOnce) throws IOException {
    assertThat(passed(stream(BAD), atOnce)).isEqualTo(stream(WRAPPED));
  }

  @Test
  void greetingIsPassedByItselfWhenAnErrorCameAlong() throws IOException {
    InputStream in = new ByteArrayInputStream("INFO {}\r\n-ERR 'no'\r\n".getBytes(ISO_8859_1));
    NatsInputBuffer buffer = new NatsInputBuffer();
    assertThat(buffer.read(in, new byte[100], 0, 100)).isEqualTo("INFO {}\r\n".length());
    assertThat(buffer.read(in, new byte[100], 0, 100)).isEqualTo("-ERR 'no'\r\n".length());
  }

  private static String stream(String headers) {
    return "INFO {\"a\":1}\r\nPING\r\n"
        + "MSG work 1 5\r\nHMSG \r\n"
        + message("reply.to ", headers, "x\r\nHMSG a 1 2 3\r\n")
        + message("", "NATS/1.0\r\nName: v\r\n\r\n", "")
        + message("", LARGE, "payload")
        + message("", headers, "")
        + "MSG work 1 reply 0\r\n\r\n-ERR 'no'\r\nPONG\r\n";
  }

  private static String message(String replyTo, String headers, String payload) {
    return "HMSG work 1 " + replyTo + headers.length() + " " + (headers.length() + payload.length()) + "\r\n" + headers
        + payload + "\r\n";
  }

  private static String passed(String sent, int atOnce) throws IOException {
    InputStream in = new ByteArrayInputStream(sent.getBytes(ISO_8859_1)) {

      @Override
      public int read(byte[] target, int offset, int length) {
        return super.read(target, offset, Math.min(length, atOnce));
      }
    };
    NatsInputBuffer buffer = new NatsInputBuffer();
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    byte[] target = new byte[atOnce];
    for (int count = 0; count >= 0; ) {
      out.write(target, 0, count);
      count = buffer.read(in, target, 0, atOnce);
    }
    return out.toString(ISO_8859_1);
  }
}
