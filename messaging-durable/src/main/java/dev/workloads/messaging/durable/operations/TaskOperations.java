package dev.workloads.messaging.durable.operations;

import dev.workloads.messaging.BrokerException;
import dev.workloads.messaging.BrokerMessage;
import dev.workloads.messaging.durable.Deadline;
import dev.workloads.messaging.durable.DurableTasks;
import dev.workloads.messaging.durable.TaskStatus;
import dev.workloads.messaging.durable.operations.OperatorSummary.Bucket;
import dev.workloads.messaging.durable.operations.OperatorSummary.Worker;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * What an operator of durable tasks asks for and does. Blocks; safe for use by many threads. What cannot be asked without the broker
 * throws {@link BrokerException}; the summary says so in its parts.
 */
public final class TaskOperations implements AutoCloseable {

  private static final Duration TIMEOUT = Duration.ofSeconds(5); // for all of a request
  private static final int PAGE = 1000;

  private final StoreOperations store;
  private final DurableTasks tasks;
  private final LetterCounts counts;
  private @Nullable LetterRun run; // under this, as the thread
  private @Nullable Thread thread;

  public TaskOperations(StoreOperations store, DurableTasks tasks) {
    this.store = store;
    this.tasks = tasks;
    this.counts = new LetterCounts(store);
  }

  /** Returns what waits and what has failed; blocks for ten seconds at most, mostly for a few milliseconds. */
  public OperatorSummary summary() {
    Deadline deadline = Deadline.after(TIMEOUT);
    LetterRun current = current();
    return new OperatorSummary(workers(deadline), known(() -> new Bucket(store.bucket(deadline.remaining()), null),
        problem -> new Bucket(null, problem)), counts.look(TIMEOUT), current == null ? null : current.progress());
  }

  private List<Worker> workers(Deadline deadline) {
    return known(() -> store.groups(deadline.remaining()).stream().map(group ->
        known(() -> new Worker(group, store.queue(group, deadline.remaining()), null),
            problem -> new Worker(group, null, problem))).toList(), problem -> List.of(new Worker("*", null, problem)));
  }

  private static <T> T known(Supplier<T> question, Function<String, T> unknown) {
    try {
      return question.get();
    } catch (BrokerException e) {
      return unknown.apply(String.valueOf(e.getMessage()));
    }
  }

  /** Returns how a task is, or {@code null} if there is none with the id. */
  public @Nullable TaskStatus task(String id) {
    return tasks.find(id, TIMEOUT);
  }

  /**
   * Returns dead letters by sequence. A page may have fewer than there are: where the search takes longer than five seconds,
   * the next page goes on with it.
   *
   * @param after the sequence that all of them are above
   * @param limit how many there may be
   */
  public LetterPage letters(LetterFilter filter, long after, int limit) {
    Deadline deadline = Deadline.after(TIMEOUT);
    List<DeadLetter> found = new ArrayList<>();
    long position = after;
    while (true) {
      List<DeadLetter> page = store.letters(position, PAGE, TIMEOUT);
      for (DeadLetter letter : page) {
        if (filter.matches(letter) && found.size() == limit) {
          return new LetterPage(found, position);
        }
        position = letter.sequence();
        if (filter.matches(letter)) {
          found.add(letter);
        }
      }
      if (page.isEmpty() || deadline.isOver()) {
        return new LetterPage(found, page.isEmpty() ? null : position);
      }
    }
  }

  /** Returns a dead letter with its payload, or {@code null} if there is none of that sequence. */
  public @Nullable BrokerMessage letter(long sequence) {
    return store.letter(sequence, TIMEOUT);
  }

  /** Returns the sequence of the last dead letter. */
  public long lastLetter() {
    return store.letterBox(TIMEOUT).last();
  }

  /**
   * Puts the jobs of dead letters back into their queues, and deletes the letters. Runs to its end on a thread of its own, also
   * where the caller is interrupted.
   *
   * @param dryRun whether to tell only what would be done
   * @throws RunningException if another retry or deletion of this instance is under way
   */
  public LetterOutcome retry(LetterFilter filter, boolean dryRun) throws InterruptedException {
    return run(new LetterRun(store, filter, new LetterStep.Retry(store, tasks, filter)), dryRun);
  }

  /** Deletes dead letters, otherwise as {@link #retry}. */
  public LetterOutcome delete(LetterFilter filter, boolean dryRun) throws InterruptedException {
    return run(new LetterRun(store, filter, new LetterStep.Deletion(store)), dryRun);
  }

  private LetterOutcome run(LetterRun next, boolean dryRun) throws InterruptedException {
    if (dryRun) {
      return next.foresee();
    }
    begin(next);
    next.await();
    return next.outcome(false);
  }

  private synchronized void begin(LetterRun next) {
    if (run != null && run.isRunning()) {
      throw new RunningException();
    }
    run = next;
    thread = new Thread(next, "dead-letters");
    thread.start();
  }

  private synchronized @Nullable LetterRun current() {
    return run;
  }

  /** Stops what is under way: a repeat does the rest. */
  @Override
  public synchronized void close() {
    if (thread != null) {
      thread.interrupt();
    }
  }
}
