package dev.workloads.messaging.durable.operations;

import dev.workloads.messaging.BrokerException;
import dev.workloads.messaging.durable.Deadline;
import dev.workloads.messaging.durable.operations.OperatorSummary.Dead;
import dev.workloads.messaging.durable.operations.OperatorSummary.DeadGroup;
import dev.workloads.messaging.durable.operations.StoreOperations.LetterBox;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Counts the dead letters by group and reason: one scan for all who look, which each look goes on with. The scan begins anew once
 * letters are gone, since nothing tells which; it takes no more than a tenth of the time. Safe for use by many threads: one
 * looks, and the others wait for it.
 */
final class LetterCounts {

  static final int MAX_REASONS = 100; // others may choose the texts
  private static final Key OTHER = new Key("other", "other");
  private static final int PAGE = 1000;
  private static final Duration LONGEST_SCAN = Duration.ofMillis(800); // the next look goes on
  private static final int SHARE = 10;

  private final StoreOperations store;
  private final Map<Key, DeadGroup> counts = new LinkedHashMap<>(); // under this, as all below
  private @Nullable Dead last;
  private long lastLookAt;
  private long scanned;
  private long scannedTo = Long.MAX_VALUE; // of no stream, so the first look begins anew
  private long gone;
  private boolean isComplete; // the scan was at the end once
  private long scanNanos;
  private long nextScanAt = System.nanoTime();

  private record Key(String group, String reason) {}

  LetterCounts(StoreOperations store) {
    this.store = store;
  }

  /** Returns the counts; blocks for two looks at most, each no longer than the timeout. */
  Dead look(Duration timeout) {
    long askedAt = System.nanoTime();
    synchronized (this) {
      if (last == null || lastLookAt - askedAt <= 0) {
        lastLookAt = System.nanoTime();
        last = count(Deadline.after(timeout));
      }
      return last;
    }
  }

  private Dead count(Deadline deadline) {
    LetterBox box = null;
    String problem = null;
    try {
      box = store.letterBox(deadline.remaining());
      beginAnewIfGone(box);
      scan(box.last(), deadline);
    } catch (BrokerException e) {
      problem = e.getMessage();
    }
    return new Dead(box == null ? null : box.total(), List.copyOf(counts.values()), problem, scanned);
  }

  private void beginAnewIfGone(LetterBox box) {
    boolean isOther = box.last() < scannedTo; // another stream
    if (isOther || isComplete && box.last() - box.total() != gone && System.nanoTime() - nextScanAt >= 0) {
      counts.clear();
      scanned = 0;
      scannedTo = 0;
      scanNanos = 0;
      isComplete = false;
      gone = box.last() - box.total();
    }
  }

  private void scan(long end, Deadline deadline) {
    long start = System.nanoTime();
    Deadline enough = Deadline.after(LONGEST_SCAN);
    while (scannedTo < end && !enough.isOver()) {
      List<DeadLetter> page = store.letters(scannedTo, PAGE, deadline.remaining());
      page.forEach(this::add);
      scanned += page.size();
      scannedTo = page.isEmpty() ? end : page.get(page.size() - 1).sequence();
    }
    scanNanos += System.nanoTime() - start;
    if (!isComplete && scannedTo >= end) {
      isComplete = true;
      nextScanAt = System.nanoTime() + SHARE * scanNanos;
    }
  }

  private void add(DeadLetter letter) {
    Key own = new Key(letter.group(), letter.reason());
    Key key = counts.containsKey(own) || counts.size() < MAX_REASONS ? own : OTHER;
    counts.merge(key, new DeadGroup(key.group(), key.reason(), 1, letter.time(), letter.time()), DeadGroup::and);
  }
}
