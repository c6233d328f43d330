package dev.workloads.messaging.nats;

import java.time.Duration;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * Lets one ping at a time go out on a connection: a flush is a ping, and so is the first step of a drain. jnats drops a
 * connection on which three pings wait for their answers, and jnats itself sends one from time to time.
 */
final class NatsPings {

  private final Semaphore permit = new Semaphore(1);

  /** What sends a ping and waits for its answer, no longer than it is told. */
  @FunctionalInterface
  interface Ping<T> {

    T send(Duration longestWait) throws InterruptedException, TimeoutException;
  }

  /**
   * Sends a ping when no other is under way; blocks for that and for the answer.
   *
   * @param deadline the end of both waits, by {@link System#nanoTime}
   */
  <T> T inTurn(long deadline, Ping<T> ping) throws InterruptedException, TimeoutException {
    if (!permit.tryAcquire(deadline - System.nanoTime(), TimeUnit.NANOSECONDS)) {
      throw new TimeoutException("other pings waited for the NATS server until then");
    }
    try {
      return ping.send(Duration.ofNanos(Math.max(1, deadline - System.nanoTime()))); // jnats waits for ever if it is zero
    } finally {
      permit.release();
    }
  }
}
