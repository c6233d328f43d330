package dev.workloads.messaging.durable;

import dev.workloads.messaging.BrokerException;
import java.time.Duration;
import java.time.Instant;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** One worker's access to the jobs of its group. Used by one thread at a time, but for {@link #backlog}. */
public interface JobQueue extends AutoCloseable {

  /**
   * Asks for jobs and hands each to the receiver, on the calling thread. Blocks until there were as many as asked for, or
   * the time is over, which may be up to a second later.
   *
   * @param max how many jobs may come
   * @throws BrokerException if the broker hands out none now
   * @throws InterruptedException if the thread is interrupted while it waits
   */
  void pull(int max, Duration wait, Consumer<Job> receiver) throws InterruptedException;

  /**
   * Returns what waits in the queue, jobs that are handed out included. Safe for use by many threads; blocks.
   *
   * @throws BrokerException if the broker does not say
   */
  Backlog backlog(Duration timeout);

  /** Ends the access. What is still on its way is given back; blocks for that, no longer than two seconds. */
  @Override
  void close();

  /**
   * What waits in a queue.
   *
   * @param oldest when the oldest job was added, or {@code null} if there is none
   */
  record Backlog(long jobs, @Nullable Instant oldest) {}
}
