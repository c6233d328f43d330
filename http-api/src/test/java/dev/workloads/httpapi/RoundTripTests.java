package dev.workloads.httpapi;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.Locale;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.RegisterExtension;

/** Any string comes back from an echoing worker as it was sent, however it was escaped. */
class RoundTripTests {

  private static final int ROUNDS = 400;
  private static final int MAX_LENGTH = 4000;
  private static final String SEED = "round-trip.seed";
  private static final String SHORT_ESCAPES = "\"\\/\b\f\n\r\t";
  private static final String SHORT_ESCAPE_LETTERS = "\"\\/bfnrt";

  @RegisterExtension
  static final HttpApi api = HttpApi.with();

  @Test
  void everyStringSurvives() throws IOException {
    long seed = Long.getLong(SEED, System.nanoTime());
    System.out.println("-D" + SEED + "=" + seed);
    Random random = new Random(seed);
    api.echo("echo");

    for (int round = 0; round < ROUNDS; round++) {
      String text = text(random, length(random));
      byte[] json = ("{\"payload\":\"" + escaped(random, text) + "\",\"worker\":\"echo\"}")
          .getBytes(StandardCharsets.UTF_8);

      Answer answer = random.nextBoolean() ? api.post(json) : postInChunks(json, random);

      assertThat(answer.status()).as("seed %d, round %d", seed, round).isEqualTo(200);
      assertThat(answer.body()).as("seed %d, round %d", seed, round).isEqualTo(text.getBytes(StandardCharsets.UTF_8));
    }
  }

  private static int length(Random random) {
    return random.nextInt(4) == 0 ? random.nextInt(MAX_LENGTH) : random.nextInt(20);
  }

  private static String text(Random random, int length) {
    StringBuilder text = new StringBuilder();
    for (int i = 0; i < length; i++) {
      text.appendCodePoint(codePoint(random));
    }
    return text.toString();
  }

  private static int codePoint(Random random) {
    switch (random.nextInt(6)) {
      case 0:
        return random.nextInt(0x20);
      case 1:
        return SHORT_ESCAPES.charAt(random.nextInt(SHORT_ESCAPES.length()));
      case 2:
        return random.nextInt(0x100);
      case 3:
        int c = random.nextInt(0x10000);
        return Character.isSurrogate((char) c) ? 0xFFFD : c;
      case 4:
        return 0x10000 + random.nextInt(0x100000);
      default:
        return ' ' + random.nextInt(0x5F);
    }
  }

  private static String escaped(Random random, String text) {
    StringBuilder escaped = new StringBuilder();
    int escapes = random.nextInt(4); // from as few as JSON allows to all
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      int shortEscape = SHORT_ESCAPES.indexOf(c);
      boolean needed = c < 0x20 || c == '"' || c == '\\';
      boolean pair = Character.isSurrogate(c); // half a pair cannot be written as it is
      if (shortEscape >= 0 && (needed || escapes > 0) && random.nextBoolean()) {
        escaped.append('\\').append(SHORT_ESCAPE_LETTERS.charAt(shortEscape));
      } else if (needed || random.nextInt(3) < escapes) {
        escaped.append(unicodeEscape(random, c));
        if (pair) {
          escaped.append(unicodeEscape(random, text.charAt(++i)));
        }
      } else {
        escaped.append(c);
        if (pair) {
          escaped.append(text.charAt(++i));
        }
      }
    }
    return escaped.toString();
  }

  private static String unicodeEscape(Random random, char c) {
    String hex = String.format("%04x", (int) c);
    return "\\u" + (random.nextBoolean() ? hex : hex.toUpperCase(Locale.ROOT));
  }

  private static Answer postInChunks(byte[] json, Random random) throws IOException {
    try (Connection connection = api.connect()) {
      connection.send("POST /task HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n");
      for (int start = 0; start < json.length; ) {
        int size = Math.min(1 + random.nextInt(3000), json.length - start);
        connection.send(Integer.toHexString(size) + "\r\n")
            .send(Arrays.copyOfRange(json, start, start + size)).send("\r\n");
        start += size;
      }
      return connection.send("0\r\n\r\n").answer();
    }
  }
}
