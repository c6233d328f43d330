package dev.workloads.leet;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class LeetSpeakTests {

  // Every printable ASCII character, and below it what becomes of it
  private static final String ASCII =
      " !\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~";
  private static final String LEET =
      " !\"#$%&'()*+,-./0123456789:;<=>?@4BCD3FGH1JK1MN0PQR57UVWXYZ[\\]^_`4bcd3fgh1jk1mn0pqr57uvwxyz{|}~";

  @Test
  void sevenLettersOfAsciiAreReplaced() {
    assertThat(ASCII).hasSize(0x7F - ' ');
    assertThat(LeetSpeak.of(ASCII)).isEqualTo(LEET);
    for (int i = 0; i < ASCII.length(); i++) {
      assertThat(LeetSpeak.of(ASCII.substring(i, i + 1))).isEqualTo(LEET.substring(i, i + 1));
    }
  }

  @Test
  void controlCharactersAreKept() {
    for (char c = 0; c <= 0xA0; c = c == 0x1F ? 0x7F : (char) (c + 1)) {
      assertThat(LeetSpeak.of("" + c)).isEqualTo("" + c);
    }
  }

  @ParameterizedTest
  @CsvSource({
      "Hello World, H3110 W0r1d",
      "task-leet, 745k-1337",
      "aeiostl, 4310571",
      "AEIOSTL, 4310571",
      "'', ''",
      "4310571, 4310571"})
  void textIsWrittenInDigits(String text, String leet) {
    assertThat(LeetSpeak.of(text)).isEqualTo(leet);
  }

  @ParameterizedTest
  @ValueSource(strings = {
      "\u00E4\u00F6\u00FC\u00DF\u00C5\u00E9\u00F1", // Latin letters with marks
      "\u0130\u0131", // Turkish dotted I and dotless i
      "\u017F\u0142\u00F8\u0153", // long s, l and o with stroke, oe
      "\u0430\u0435\u043E\u0456\u0405", // Cyrillic letters that look like a e o i S
      "\u03B1\u03B5\u03B9\u03BF\u03C3\u03C4\u03BB\u0391\u0395\u0399\u039F", // Greek
      "\uFF41\uFF45\uFF49\uFF33\uFF34", // full width
      "\u0645\u0631\u062D\u0628\u0627 \u05E9\u05DC\u05D5\u05DD", // right to left
      "\u4F60\u597D \u3053\u3093 \uD55C\uAE00 \u0928\u092E",
      "\uD83D\uDE00\uD83D\uDC69\u200D\uD83D\uDCBB\uD83C\uDDE9\uD83C\uDDEA", // emoji, joined, a flag
      "\uD835\uDC4E\uD835\uDC52\uD835\uDD52", // mathematical a, e, a
      "\uFEFF\u2028\u00AD\uFFFF\uFFFD"})
  void otherScriptsAreKept(String text) {
    assertThat(LeetSpeak.of(text)).isEqualTo(text);
    assertThat(LeetSpeak.of("x" + text + "e")).isEqualTo("x" + text + "3");
  }

  @Test
  void combiningMarkStaysWhereItsLetterIsReplaced() {
    assertThat(LeetSpeak.of("e\u0301a\u0308s\u0323")).isEqualTo("3\u03014\u03085\u0323");
    assertThat(LeetSpeak.of("i\u0307I\u0307")).isEqualTo("1\u03071\u0307");
  }

  @Test
  void everyCodePointButTheSevenLettersIsKept() {
    StringBuilder kept = new StringBuilder();
    for (int c = 0x80; c <= Character.MAX_CODE_POINT; c++) {
      if (c < Character.MIN_SURROGATE || c > Character.MAX_SURROGATE) {
        kept.appendCodePoint(c);
      }
    }

    assertThat(LeetSpeak.of(kept.toString())).isEqualTo(kept.toString());
  }
}
