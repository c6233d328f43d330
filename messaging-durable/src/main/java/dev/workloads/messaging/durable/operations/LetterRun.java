package dev.workloads.messaging.durable.operations;

import dev.workloads.messaging.BrokerException;
import dev.workloads.messaging.durable.operations.LetterOutcome.Left;
import dev.workloads.messaging.durable.operations.OperatorSummary.Progress;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One retry or deletion of the dead letters that a filter matches: counts them, then takes them page by page. One thread runs it,
 * and eight do the steps, which mostly wait for the broker. Any thread may ask how far it is.
 */
final class LetterRun implements Runnable {

  private static final Logger log = LoggerFactory.getLogger(LetterRun.class);
  private static final Duration TIMEOUT = Duration.ofSeconds(5);
  private static final int PAGE = 1000;
  private static final int THREADS = 8;

  private final StoreOperations store;
  private final LetterFilter filter;
  private final LetterStep step;
  private final AtomicLong matched = new AtomicLong();
  private final AtomicLong done = new AtomicLong();
  private final Map<String, Long> left = new ConcurrentHashMap<>();
  private final CountDownLatch end = new CountDownLatch(1);
  private volatile @Nullable String problem;

  LetterRun(StoreOperations store, LetterFilter filter, LetterStep step) {
    this.store = store;
    this.filter = filter;
    this.step = step;
  }

  /** Tells what a run would do. */
  LetterOutcome foresee() {
    eachPage(page -> {
      matched.addAndGet(page.size());
      page.forEach(letter -> note(step.foresee(letter)));
    });
    return outcome(true);
  }

  /** Does it. An interrupt stops it: what it has not done is done by the next one. */
  @Override
  public void run() {
    ExecutorService pool = Executors.newFixedThreadPool(THREADS, task -> new Thread(task, "dead-letter"));
    try {
      eachPage(page -> matched.addAndGet(page.size()));
      eachPage(page -> pool.invokeAll(page.stream().map(this::stepOf).toList()));
    } catch (BrokerException e) {
      problem = e.getMessage();
    } catch (InterruptedException e) {
      problem = "the application stops";
    } finally {
      pool.shutdownNow();
      end.countDown();
      log.info("A run over dead letters has ended: {}", outcome(false));
    }
  }

  private interface PageReceiver<E extends Exception> {

    void receive(List<DeadLetter> page) throws E;
  }

  private <E extends Exception> void eachPage(PageReceiver<E> receiver) throws E {
    long after = 0;
    while (after < filter.upTo() && problem == null) {
      List<DeadLetter> page = store.letters(after, PAGE, TIMEOUT);
      if (page.isEmpty()) {
        return;
      }
      receiver.receive(page.stream().filter(filter::matches).toList());
      after = page.get(page.size() - 1).sequence();
    }
  }

  private Callable<Object> stepOf(DeadLetter letter) {
    return Executors.callable(() -> {
      try {
        if (problem == null && !note(step.apply(letter))) {
          done.incrementAndGet();
        }
      } catch (BrokerException e) {
        problem = e.getMessage();
      } catch (RuntimeException e) {
        log.error("Dead letter {} could not be handled, because of a bug. The run over dead letters stops", letter.sequence(), e);
        problem = "dead letter " + letter.sequence() + " could not be handled: see the log";
      }
    });
  }

  private boolean note(@Nullable String why) {
    if (why != null) {
      left.merge(why, 1L, Long::sum);
    }
    return why != null;
  }

  boolean isRunning() {
    return end.getCount() > 0;
  }

  void await() throws InterruptedException {
    end.await();
  }

  LetterOutcome outcome(boolean dryRun) {
    boolean isRetry = step instanceof LetterStep.Retry;
    return new LetterOutcome(dryRun, filter.upTo(), matched.get(), isRetry ? done.get() : 0, isRetry ? 0 : done.get(),
        left.entrySet().stream().sorted(Map.Entry.comparingByKey()).map(each -> new Left(each.getKey(), each.getValue())).toList(),
        problem);
  }

  Progress progress() {
    LetterOutcome now = outcome(false);
    return new Progress(filter.group(), filter.reason(), now.upTo(), now.matched(), now.putBack(), now.deleted(),
        now.left().stream().mapToLong(Left::count).sum(), isRunning(), now.problem());
  }
}
