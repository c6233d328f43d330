package dev.workloads.systemtests;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** What became of each request of a load: answered right, answered with an error, or lost. Safe for use by many threads. */
final class Tally {

  static final String RIGHT = "right";
  static final String LOST = "lost";
  static final int SHOWN = 40; // characters of a text, enough to tell it from others

  private final long startedAt = System.nanoTime();
  private final Map<String, Queue<Outcome>> outcomes = new ConcurrentHashMap<>();

  /**
   * Counts a request.
   *
   * @param outcome {@link #RIGHT}, the reason of an error, or {@link #LOST}
   * @param text how the request began, or for a lost one also why
   */
  void add(String outcome, String text, long nanos) {
    outcomes.computeIfAbsent(outcome, key -> new ConcurrentLinkedQueue<>())
        .add(new Outcome(text, System.nanoTime() - startedAt, nanos));
  }

  /** Waits for the threads that send requests; one that goes on for longer is counted as lost. */
  Tally awaitEnd(ExecutorService threads, Duration longest) {
    threads.shutdown();
    try {
      if (!threads.awaitTermination(longest.toSeconds(), TimeUnit.SECONDS)) {
        add(LOST, "a request is still waiting", 0);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    return this;
  }

  int count(String outcome) {
    return outcomes(outcome).size();
  }

  /** Returns all that were not answered right. */
  int failed() {
    return outcomes.keySet().stream().filter(outcome -> !outcome.equals(RIGHT)).mapToInt(this::count).sum();
  }

  /** Returns how the requests with that outcome began. */
  Set<String> texts(String outcome) {
    return outcomes(outcome).stream().map(Outcome::text).collect(Collectors.toSet());
  }

  /** Returns the milliseconds that the slowest request with that outcome took, or 0. */
  long slowestMillis(String outcome) {
    return millis(outcome, 1);
  }

  /** Returns the milliseconds within which the given part of the requests with that outcome ended, or 0. */
  long millis(String outcome, double part) {
    List<Long> sorted = outcomes(outcome).stream().map(Outcome::nanos).sorted().toList();
    return sorted.isEmpty() ? 0
        : TimeUnit.NANOSECONDS.toMillis(sorted.get((int) Math.ceil(part * sorted.size()) - 1));
  }

  /** Returns the milliseconds from the creation of this tally to the first right answer, or -1 if there was none. */
  long firstSuccessMillis() {
    return outcomes(RIGHT).stream().mapToLong(Outcome::atNanos).map(TimeUnit.NANOSECONDS::toMillis).min().orElse(-1);
  }

  /** Asserts that each request was answered right or with one of these reasons. */
  Tally requireOnly(String... reasons) {
    Set<String> allowed = Stream.concat(Stream.of(RIGHT), Stream.of(reasons)).collect(Collectors.toSet());
    assertThat(outcomes.keySet()).as("%s %s", this, outcomes.entrySet().stream()
        .filter(entry -> !allowed.contains(entry.getKey()))
        .flatMap(entry -> entry.getValue().stream().limit(20)).toList()).isSubsetOf(allowed);
    return this;
  }

  private Queue<Outcome> outcomes(String outcome) {
    return outcomes.getOrDefault(outcome, new ConcurrentLinkedQueue<>());
  }

  @Override
  public String toString() {
    return outcomes.keySet().stream().sorted().map(outcome -> outcome + " " + count(outcome))
        .collect(Collectors.joining(", ", "", outcomes.isEmpty() ? "none" : ""));
  }

  private record Outcome(String text, long atNanos, long nanos) {}
}
