package dev.workloads.messaging;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatNoException;

import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class SubjectsTests {

  @ParameterizedTest
  @ValueSource(strings = {"a", "tasks.default", "tasks.a-b_c.D9", "_INBOX.x.y", "$SRV.PING", "~!{}", "1"})
  void subjectOfPrintableTokensIsAccepted(String subject) {
    assertThat(Subjects.requireSubject(subject)).isEqualTo(subject);
    assertThat(Subjects.requirePattern(subject)).isEqualTo(subject);
  }

  @ParameterizedTest
  @ValueSource(strings = {"", " ", ".", "..", ".a", "a.", "a..b", "a b", " a", "a ", "a\tb", "a\r\nb", "a\0", "a\u007f",
      "t\u00e4sks", "a.\u4efb\u52a1", "a.\ud83d\ude80"})
  void malformedSubjectIsRefusedAsSubjectAndAsPattern(String subject) {
    assertThatIllegalArgumentException().isThrownBy(() -> Subjects.requireSubject(subject));
    assertThatIllegalArgumentException().isThrownBy(() -> Subjects.requirePattern(subject));
  }

  @ParameterizedTest
  @ValueSource(strings = {"*", ">", "a.*", "a.>", "*.b", "a.*.c.>", "*.*"})
  void wildcardsAreForPatternsOnly(String pattern) {
    assertThat(Subjects.requirePattern(pattern)).isEqualTo(pattern);
    assertThatIllegalArgumentException().isThrownBy(() -> Subjects.requireSubject(pattern));
  }

  @ParameterizedTest
  @ValueSource(strings = {"a*", "*a", "**", "a.b*", ">.a", "a.>.b", "a>", "a.>>", "*>", "a.*b.c"})
  void wildcardThatIsNoTokenOfItsOwnIsRefused(String pattern) {
    assertThatIllegalArgumentException().isThrownBy(() -> Subjects.requirePattern(pattern))
        .withMessageContaining(pattern);
    assertThatIllegalArgumentException().isThrownBy(() -> Subjects.requireSubject(pattern));
  }

  @ParameterizedTest
  @ValueSource(strings = {"task-leet", "a", "A.b_c.9", "-", "_"})
  void workerNameOfDottedTokensIsAccepted(String name) {
    assertThat(Subjects.isWorkerName(name)).isTrue();
  }

  @ParameterizedTest
  @ValueSource(strings = {"", " ", ".", "a.", ".a", "a..b", "*", ">", "a.*", "a.>", "a b", "a\n", "\na", "a\0", "$SYS",
      "a/b", "\u00e4", "\u0661", "a:b"})
  void otherWorkerNameIsRefused(String name) {
    assertThat(Subjects.isWorkerName(name)).isFalse();
  }

  @Test
  void workerNameHasAtMost128Characters() {
    assertThat(Subjects.isWorkerName("a".repeat(128))).isTrue();
    assertThat(Subjects.isWorkerName("a".repeat(129))).isFalse();
    assertThat(Subjects.isWorkerName("a.".repeat(64) + "a")).isFalse();
  }

  @ParameterizedTest
  @CsvSource({"a,a,true", "a,b,false", "a,a.b,false", "a.b,a,false", "ab,a,false", "a,ab,false", "A,a,false",
      "*,a,true", "*,a.b,false", ">,a,true", ">,a.b.c,true", "a.>,a,false", "a.>,a.b,true", "a.>,a.b.c,true",
      "a.>,b.c,false", "a.*,a,false", "a.*,a.b,true", "a.*,a.b.c,false", "*.b,a.b,true", "*.b,a.c,false",
      "a.*.c,a.b.c,true",
      "a.*.>,a.b,false", "a.*.>,a.b.c.d,true", "ta.>,tasks.x,false"})
  void patternMatchesAsOnNats(String pattern, String subject, boolean matches) {
    assertThat(Subjects.matches(pattern, subject)).isEqualTo(matches);
  }

  @Test
  void matchingAgreesWithTheDefinition() {
    long seed = System.nanoTime();
    Random random = new Random(seed);
    int matches = 0;
    for (int i = 0; i < 20_000; i++) {
      String pattern = randomPattern(random);
      String subject = randomTokens(random, "a", "b", "ab");
      boolean expected = matchesByDefinition(pattern, subject);
      assertThat(Subjects.matches(pattern, subject)).as("%s to %s, seed %d", pattern, subject, seed)
          .isEqualTo(expected);
      matches += expected ? 1 : 0;
    }
    assertThat(matches).as("matches, seed %d", seed).isBetween(400, 19_600);
  }

  @Test
  void patternsOverlapIfSomeSubjectMatchesBoth() {
    List<String> subjects = allSubjects();
    long seed = System.nanoTime();
    Random random = new Random(seed);
    for (int i = 0; i < 500; i++) {
      String left = randomPattern(random);
      String right = randomPattern(random);
      boolean expected = subjects.stream()
          .anyMatch(subject -> matchesByDefinition(left, subject) && matchesByDefinition(right, subject));
      assertThat(Subjects.overlap(left, right)).as("%s and %s, seed %d", left, right, seed).isEqualTo(expected);
    }
  }

  @Test
  void subscriptionNeedsAPattern() {
    assertThatIllegalArgumentException().isThrownBy(() -> Subjects.requireSubscription(List.of(), "group"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"", " ", "a b", "gr\u00fcppe", "a\n"})
  void malformedGroupIsRefused(String group) {
    assertThatIllegalArgumentException().isThrownBy(() -> Subjects.requireSubscription(List.of("a"), group));
  }

  @Test
  void patternsMayOverlapWithinAGroupOnly() {
    assertThatNoException().isThrownBy(() -> Subjects.requireSubscription(List.of("a.>", "a.b"), "group"));
    assertThatNoException().isThrownBy(() -> Subjects.requireSubscription(List.of("a.*", "b", "a.c.>"), null));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> Subjects.requireSubscription(List.of("a.>", "b", "a.b"), null))
        .withMessageContaining("\"a.>\" and \"a.b\" overlap");
    assertThatIllegalArgumentException().isThrownBy(() -> Subjects.requireSubscription(List.of("a", "a"), null));
  }

  private static String randomPattern(Random random) {
    String tokens = randomTokens(random, "a", "b", "ab", "*");
    return switch (random.nextInt(4)) {
      case 0 -> tokens + ".>";
      case 1 -> random.nextInt(5) == 0 ? ">" : tokens;
      default -> tokens;
    };
  }

  private static String randomTokens(Random random, String... tokens) {
    return IntStream.rangeClosed(0, random.nextInt(4)).mapToObj(i -> tokens[random.nextInt(tokens.length)])
        .collect(Collectors.joining("."));
  }

  // Every subject of up to five tokens; the patterns above tell no more tokens apart
  private static List<String> allSubjects() {
    List<String> tokens = List.of("a", "b", "ab");
    return IntStream.rangeClosed(1, 5).boxed()
        .flatMap(length -> IntStream.range(0, (int) Math.pow(3, length)).mapToObj(number -> IntStream.range(0, length)
            .mapToObj(i -> tokens.get(number / (int) Math.pow(3, i) % 3)).collect(Collectors.joining("."))))
        .toList();
  }

  private static boolean matchesByDefinition(String pattern, String subject) {
    return matchesByDefinition(tokens(pattern), tokens(subject));
  }

  private static boolean matchesByDefinition(List<String> pattern, List<String> subject) {
    if (pattern.isEmpty() || subject.isEmpty()) {
      return pattern.isEmpty() && subject.isEmpty();
    }
    return switch (pattern.get(0)) {
      case ">" -> true;
      case "*" -> matchesByDefinition(rest(pattern), rest(subject));
      default -> pattern.get(0).equals(subject.get(0)) && matchesByDefinition(rest(pattern), rest(subject));
    };
  }

  private static List<String> tokens(String dotted) {
    return Arrays.asList(dotted.split("\\."));
  }

  private static List<String> rest(List<String> tokens) {
    return tokens.subList(1, tokens.size());
  }
}
