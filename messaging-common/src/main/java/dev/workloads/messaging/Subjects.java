package dev.workloads.messaging;

import java.util.List;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** The rules for subjects, subscription patterns, queue groups and worker names. */
public final class Subjects {

  /** What the subjects of requests begin with; a worker's name follows. */
  public static final String TASKS = "tasks.";

  /** What the subjects of durable tasks begin with; a worker's name follows. */
  public static final String JOBS = "jobs.";

  /** What the subjects of dead letters begin with; the group of workers follows. */
  public static final String DEAD_LETTERS = "jobs-dead.";

  /** What the subjects of values begin with; the bucket's name and the key follow. */
  public static final String KEY_VALUES = "$KV.";

  private static final String TOKEN_RULE = " must be tokens of printable ASCII, joined by single dots";
  private static final Pattern WILDCARDS = Pattern.compile("(?:(?:\\*|[^*>.]++)\\.)*+(?:\\*|>|[^*>.]+)");
  private static final int WORKER_NAME_MAX_LENGTH = 128;
  private static final List<String> OF_JETSTREAM = List.of(JOBS, DEAD_LETTERS, KEY_VALUES, "$JS.");

  private Subjects() {}

  /**
   * Returns the subject if a message can be sent to it.
   *
   * @throws IllegalArgumentException if it is empty, has an empty token, a wildcard, or anything but printable ASCII
   */
  public static String requireSubject(String subject) {
    if (!isDotted(subject) || subject.indexOf('*') >= 0 || subject.indexOf('>') >= 0) {
      throw new IllegalArgumentException("a subject" + TOKEN_RULE + ", without wildcards");
    }
    return subject;
  }

  /**
   * Returns the pattern if it can be subscribed to: a subject in which {@code *} stands for one token and a last
   * {@code >} for one or more.
   *
   * @throws IllegalArgumentException if it is none
   */
  public static String requirePattern(String pattern) {
    if (!isDotted(pattern)) {
      throw new IllegalArgumentException("the subscription \"" + pattern + "\"" + TOKEN_RULE);
    }
    if (!WILDCARDS.matcher(pattern).matches()) {
      throw new IllegalArgumentException("in the subscription \"" + pattern
          + "\" a wildcard must be a token of its own, and > the last one");
    }
    return pattern;
  }

  /**
   * Checks what a subscription is made for.
   *
   * @param group the queue group, or {@code null} for none: then patterns that overlap would deliver a message twice
   * @throws IllegalArgumentException if there is no pattern, one is malformed, two overlap without a group, or the
   *     group's name is not printable ASCII without blanks
   */
  public static void requireSubscription(List<String> patterns, @Nullable String group) {
    if (patterns.isEmpty()) {
      throw new IllegalArgumentException("a subscription needs at least one subject pattern");
    }
    patterns.forEach(Subjects::requirePattern);
    if (group == null) {
      requireDisjoint(patterns);
    } else {
      requireGroup(group);
    }
  }

  /**
   * Returns the name if it can be that of a queue group.
   *
   * @throws IllegalArgumentException if it is not printable ASCII without blanks
   */
  public static String requireGroup(String group) {
    if (group.isEmpty() || !isPrintable(group)) {
      throw new IllegalArgumentException("the queue group \"" + group + "\" must be printable ASCII without blanks");
    }
    return group;
  }

  /** Returns whether messages to the subject are durable tasks. */
  public static boolean isDurable(String subject) {
    return subject.startsWith(JOBS);
  }

  /** Returns whether JetStream alone answers what is sent to the subject: another's reply would be taken for its own. */
  public static boolean isAnsweredByJetStream(String subject) {
    return OF_JETSTREAM.stream().anyMatch(subject::startsWith);
  }

  /**
   * Checks that a listener may handle the messages to a pattern. One with a wildcard for the first token may, to hear them.
   *
   * @throws IllegalArgumentException if they are durable tasks, which a queue keeps for their workers
   */
  public static void requireNoJobs(String pattern) {
    if (isDurable(pattern)) {
      throw new IllegalArgumentException("\"" + pattern + "\" is for durable tasks, which a queue keeps for their worker: "
          + "subscribe to tasks. in place of jobs., and name the durable ones in messaging.durable.subscriptions");
    }
  }

  private static void requireDisjoint(List<String> patterns) {
    for (int i = 0; i < patterns.size(); i++) {
      for (String other : patterns.subList(i + 1, patterns.size())) {
        if (overlap(patterns.get(i), other)) {
          throw new IllegalArgumentException("the subscriptions \"" + patterns.get(i) + "\" and \"" + other
              + "\" overlap: without a queue group a message would be delivered twice");
        }
      }
    }
  }

  /** Returns whether the name is 1 to 128 characters: tokens of {@code A-Z a-z 0-9 _ -}, joined by single dots. */
  public static boolean isWorkerName(String name) {
    return name.length() <= WORKER_NAME_MAX_LENGTH && isDotted(name) && name.chars().allMatch(
        c -> c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-' || c == '.');
  }

  /** Returns whether a message to the subject reaches a subscription to the pattern. */
  public static boolean matches(String pattern, String subject) {
    int p = 0;
    int s = 0;
    while (p < pattern.length() && s < subject.length()) {
      int tokenEnd = tokenEnd(pattern, p);
      int subjectEnd = tokenEnd(subject, s);
      if (pattern.charAt(p) == '>') {
        return true;
      }
      int length = tokenEnd - p;
      boolean any = pattern.charAt(p) == '*';
      if (!any && (length != subjectEnd - s || !pattern.regionMatches(p, subject, s, length))) {
        return false;
      }
      p = tokenEnd + 1;
      s = subjectEnd + 1;
    }
    return p >= pattern.length() && s >= subject.length();
  }

  /** Returns whether some subject matches both patterns. */
  public static boolean overlap(String pattern, String other) {
    String[] left = pattern.split("\\.");
    String[] right = other.split("\\.");
    for (int i = 0; i < Math.min(left.length, right.length); i++) {
      if (left[i].equals(">") || right[i].equals(">")) {
        return true;
      }
      if (!left[i].equals(right[i]) && !left[i].equals("*") && !right[i].equals("*")) {
        return false;
      }
    }
    return left.length == right.length;
  }

  private static int tokenEnd(String subject, int start) {
    int dot = subject.indexOf('.', start);
    return dot < 0 ? subject.length() : dot;
  }

  private static boolean isDotted(String text) {
    return !text.isEmpty() && isPrintable(text) && text.charAt(0) != '.' && text.charAt(text.length() - 1) != '.'
        && !text.contains("..");
  }

  private static boolean isPrintable(String text) {
    for (int i = 0; i < text.length(); i++) {
      if (text.charAt(i) <= ' ' || text.charAt(i) >= 0x7F) {
        return false;
      }
    }
    return true;
  }
}
