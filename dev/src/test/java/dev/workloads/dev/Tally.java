package dev.workloads.dev;

import java.util.Map;
import java.util.Queue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.atomic.LongAdder;
import java.util.stream.Collectors;

/** What became of each request of a load: answered right, answered with an error, or lost. */
final class Tally {

  static final String RIGHT = "right";
  static final String LOST = "lost";

  private final Map<String, LongAdder> counts = new ConcurrentHashMap<>();
  private final Queue<String> details = new ConcurrentLinkedQueue<>();
  private volatile long firstRightAfterNanos;
  private volatile long mark = Long.MAX_VALUE;

  void right() {
    add(RIGHT);
    long now = System.nanoTime();
    if (firstRightAfterNanos == 0 && now >= mark) {
      firstRightAfterNanos = now - mark;
    }
  }

  /** Counts an answer with an error, by its reason. */
  void error(String reason, String detail) {
    add(reason);
    note(reason + ": " + detail);
  }

  /** Counts a request that was not answered, or got a wrong answer. */
  void lost(String detail) {
    add(LOST);
    note("lost: " + detail);
  }

  void add(String outcome) {
    counts.computeIfAbsent(outcome, key -> new LongAdder()).increment();
  }

  private void note(String detail) {
    if (details.size() < 50) {
      details.add(detail);
    }
  }

  long count(String outcome) {
    LongAdder count = counts.get(outcome);
    return count == null ? 0 : count.sum();
  }

  /** Returns all that were not answered right. */
  long failed() {
    return counts.entrySet().stream().filter(entry -> !entry.getKey().equals(RIGHT))
        .mapToLong(entry -> entry.getValue().sum()).sum();
  }

  /** From now on the next right answer is the first success. */
  void awaitFirstSuccess() {
    firstRightAfterNanos = 0;
    mark = System.nanoTime();
  }

  /** Returns the milliseconds from {@link #awaitFirstSuccess} to the first right answer, or -1 if there was none. */
  long firstSuccessMillis() {
    return firstRightAfterNanos == 0 ? -1 : firstRightAfterNanos / 1_000_000;
  }

  Queue<String> details() {
    return details;
  }

  @Override
  public String toString() {
    return counts.entrySet().stream().sorted(Map.Entry.comparingByKey())
        .map(entry -> entry.getKey() + " " + entry.getValue().sum()).collect(Collectors.joining(", "));
  }
}
