package dev.workloads.benchmarks;

import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.concurrent.atomic.LongAdder;
import org.springframework.core.task.VirtualThreadTaskExecutor;

/**
 * What callers got done that called for a while, each as soon as its last call had returned.
 *
 * @param calls the calls that returned what they should
 * @param wrong those that failed or returned something else
 * @param seconds how long it took
 * @param micros how many calls took how many microseconds; the last element stands for more, too
 */
record Load(long calls, long wrong, double seconds, AtomicIntegerArray micros) {

  private static final int MAX_MICROS = 1_000_000;

  /** One request and its answer. */
  @FunctionalInterface
  interface Call {
    byte[] run() throws Exception;
  }

  /** Calls from that many threads at once, virtual ones where there are any, as in the apps. */
  static Load run(int callers, Duration time, byte[] expected, Call call) throws InterruptedException {
    AtomicIntegerArray micros = new AtomicIntegerArray(MAX_MICROS);
    LongAdder calls = new LongAdder();
    LongAdder wrong = new LongAdder();
    long start = System.nanoTime();
    long end = start + time.toNanos();
    ThreadFactory factory = threads();
    List<Thread> threads = new ArrayList<>();
    for (int i = 0; i < callers; i++) {
      Thread thread = factory.newThread(() -> {
        for (long now = System.nanoTime(); now < end; ) {
          boolean right = isRight(call, expected);
          long then = now;
          now = System.nanoTime();
          (right ? calls : wrong).increment();
          micros.incrementAndGet((int) Math.min((now - then) / 1000, MAX_MICROS - 1));
        }
      });
      threads.add(thread);
      thread.start();
    }
    for (Thread thread : threads) {
      thread.join();
    }
    return new Load(calls.sum(), wrong.sum(), (System.nanoTime() - start) / 1e9, micros);
  }

  private static ThreadFactory threads() {
    return Runtime.version().feature() >= 21
        ? new VirtualThreadTaskExecutor("caller-").getVirtualThreadFactory() : Thread::new;
  }

  private static boolean isRight(Call call, byte[] expected) {
    try {
      return Arrays.equals(call.run(), expected);
    } catch (Exception e) {
      return false;
    }
  }

  double perSecond() {
    return calls / seconds;
  }

  /** Returns the microseconds that so many percent of the calls took at most. */
  int percentile(double percent) {
    long rest = (long) Math.ceil((calls + wrong) * percent / 100);
    for (int i = 0; i < micros.length(); i++) {
      rest -= micros.get(i);
      if (rest <= 0) {
        return i;
      }
    }
    return MAX_MICROS;
  }
}
