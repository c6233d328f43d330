package dev.workloads.leet;

/** Leet-speak: letters written as the digits that look like them. */
final class LeetSpeak {

  private static final String LETTERS = "aeiostlAEIOSTL";
  private static final String DIGITS = "43105714310571";

  private LeetSpeak() {}

  /** Replaces {@code a e i o s t l}, upper and lower case; every other character is kept, whatever its script. */
  static String of(String text) {
    StringBuilder leet = new StringBuilder(text);
    for (int i = 0; i < leet.length(); i++) {
      int letter = LETTERS.indexOf(leet.charAt(i));
      if (letter >= 0) {
        leet.setCharAt(i, DIGITS.charAt(letter));
      }
    }
    return leet.toString();
  }
}
