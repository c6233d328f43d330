package dev.workloads.messaging.durable.inprocess;

import dev.workloads.messaging.BrokerMessage;
import dev.workloads.messaging.durable.Job;
import dev.workloads.messaging.durable.JobQueue;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** The jobs of a group. Stays when its worker stops, for the next one. */
final class InProcessJobQueue implements JobQueue {

  private final String group;
  private final Set<String> subjects = new HashSet<>(); // under the lock
  private volatile Duration lease = Duration.ZERO; // changed under the lock
  private final ReentrantLock lock; // the store's
  private final Condition changed;
  private final Consumer<BrokerMessage> removed;
  private final Map<Long, QueuedJob> jobs = new LinkedHashMap<>(); // under the lock, the oldest first
  private long lastSequence;

  /**
   * Creates a queue.
   *
   * @param changed signalled when a job may have become free
   * @param removed called with each job that has left the queue, under the lock
   */
  InProcessJobQueue(String group, ReentrantLock lock, Condition changed, Consumer<BrokerMessage> removed) {
    this.group = group;
    this.lock = lock;
    this.changed = changed;
    this.removed = removed;
  }

  String group() {
    return group;
  }

  /** Adds subjects, and makes the lease no shorter than that; called under the lock. */
  void enlarge(List<String> more, Duration leastLease) {
    subjects.addAll(more);
    lease = Collections.max(List.of(lease, leastLease));
  }

  /** Returns whether a subject's jobs go here; called under the lock. */
  boolean takes(String subject) {
    return subjects.contains(subject);
  }

  /** Returns the number of jobs; called under the lock. */
  int size() {
    return jobs.size();
  }

  /** Adds a job and returns its number; called under the lock. */
  long add(BrokerMessage message) {
    jobs.put(++lastSequence, new QueuedJob(message, lastSequence));
    return lastSequence;
  }

  /** Returns whether a job has that number, subject and body; called under the lock. */
  boolean contains(long sequence, BrokerMessage message) {
    QueuedJob job = jobs.get(sequence);
    return job != null && job.message.subject().equals(message.subject())
        && Arrays.equals(job.message.body(), message.body());
  }

  @Override
  public void pull(int max, Duration wait, Consumer<Job> receiver) throws InterruptedException {
    long deadline = System.nanoTime() + wait.toNanos();
    for (int taken = 0; taken < max; taken++) {
      Job job = next(deadline);
      if (job == null) {
        return;
      }
      receiver.accept(job);
    }
  }

  private @Nullable Job next(long deadline) throws InterruptedException {
    lock.lockInterruptibly();
    try {
      while (true) {
        long now = System.nanoTime();
        long soonest = deadline;
        for (QueuedJob job : jobs.values()) {
          if (job.freeAt - now <= 0) {
            job.freeAt = now + lease.toNanos();
            job.deliveries++;
            return job;
          }
          soonest = Math.min(soonest - now, job.freeAt - now) + now;
        }
        if (deadline - now <= 0) {
          return null;
        }
        changed.awaitNanos(soonest - now);
      }
    } finally {
      lock.unlock();
    }
  }

  @Override
  public Backlog backlog(Duration timeout) {
    lock.lock();
    try {
      return new Backlog(jobs.size(), jobs.values().stream().map(job -> job.added).findFirst().orElse(null));
    } finally {
      lock.unlock();
    }
  }

  @Override
  public void close() {
    // Others may use it, and the jobs stay
  }

  private final class QueuedJob implements Job {

    private final BrokerMessage message;
    private final long sequence;
    private final Instant added = Instant.now();
    private long freeAt = System.nanoTime(); // under the lock
    private long deliveries; // under the lock

    private QueuedJob(BrokerMessage message, long sequence) {
      this.message = message;
      this.sequence = sequence;
    }

    @Override
    public BrokerMessage message() {
      return message;
    }

    @Override
    public long sequence() {
      return sequence;
    }

    @Override
    public long deliveries() {
      lock.lock();
      try {
        return deliveries;
      } finally {
        lock.unlock();
      }
    }

    @Override
    public void renew() {
      freeIn(lease);
    }

    @Override
    public void giveBack(Duration delay) {
      freeIn(delay);
    }

    private void freeIn(Duration delay) {
      lock.lock();
      try {
        freeAt = System.nanoTime() + delay.toNanos();
        changed.signalAll();
      } finally {
        lock.unlock();
      }
    }

    @Override
    public void terminate() {
      acknowledge();
    }

    @Override
    public void acknowledge() {
      lock.lock();
      try {
        if (jobs.remove(sequence) != null) {
          removed.accept(message);
        }
      } finally {
        lock.unlock();
      }
    }
  }
}
