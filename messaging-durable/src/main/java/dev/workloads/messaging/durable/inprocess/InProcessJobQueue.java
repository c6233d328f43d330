package dev.workloads.messaging.durable.inprocess;

import dev.workloads.messaging.BrokerMessage;
import dev.workloads.messaging.durable.Job;
import dev.workloads.messaging.durable.JobQueue;
import dev.workloads.messaging.durable.operations.StoreOperations.Queue;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** The jobs of a group. The queue stays when its worker stops, for the next one. Safe for use by many threads. */
final class InProcessJobQueue implements JobQueue {

  private final InProcessRoom room;
  // All of these are changed under this
  private final Set<String> subjects = new HashSet<>();
  private final Map<Long, Queued> jobs = new LinkedHashMap<>(); // by number, the oldest first
  private volatile Duration lease = Duration.ZERO;
  private long lastSequence;

  /**
   * A job in the queue.
   *
   * @param freeAt the {@link System#nanoTime} from which the job may be handed out
   */
  private record Queued(BrokerMessage message, Instant added, long freeAt, long deliveries) {}

  InProcessJobQueue(InProcessRoom room) {
    this.room = room;
  }

  /** Adds subjects, and makes the lease no shorter than that. */
  synchronized void enlarge(List<String> more, Duration leastLease) {
    subjects.addAll(more);
    lease = Collections.max(List.of(lease, leastLease));
  }

  /** Returns whether a subject's jobs go here. */
  synchronized boolean takes(String subject) {
    return subjects.contains(subject);
  }

  /** Returns the number of jobs. */
  synchronized int size() {
    return jobs.size();
  }

  /** Adds a job and returns its number. */
  synchronized long add(BrokerMessage message) {
    room.take(message.size());
    jobs.put(++lastSequence, new Queued(message, Instant.now(), System.nanoTime(), 0));
    notifyAll();
    return lastSequence;
  }

  /** Returns whether a job has that number, subject and body. */
  synchronized boolean contains(long sequence, BrokerMessage message) {
    Queued job = jobs.get(sequence);
    return job != null && job.message.subject().equals(message.subject())
        && Arrays.equals(job.message.body(), message.body());
  }

  @Override
  public void pull(int max, Duration wait, Consumer<Job> receiver) throws InterruptedException {
    long deadline = System.nanoTime() + wait.toNanos();
    Job job;
    for (int left = max; left > 0 && !Thread.currentThread().isInterrupted() && (job = next(deadline)) != null; left--) {
      receiver.accept(job);
    }
  }

  private synchronized @Nullable Job next(long deadline) throws InterruptedException {
    while (true) {
      long now = System.nanoTime();
      long pause = deadline - now;
      for (Map.Entry<Long, Queued> each : jobs.entrySet()) {
        Queued job = each.getValue();
        if (job.freeAt - now <= 0) {
          each.setValue(new Queued(job.message, job.added, now + lease.toNanos(), job.deliveries + 1));
          return new HandedOut(this, job.message, each.getKey(), job.deliveries + 1);
        }
        pause = Math.min(pause, job.freeAt - now);
      }
      if (deadline - now <= 0) {
        return null;
      }
      TimeUnit.NANOSECONDS.timedWait(this, pause);
    }
  }

  private synchronized void giveBack(long sequence, Duration delay) {
    long freeAt = System.nanoTime() + delay.toNanos();
    jobs.computeIfPresent(sequence, (same, job) -> new Queued(job.message, job.added, freeAt, job.deliveries));
    notifyAll();
  }

  private synchronized void remove(long sequence) {
    Queued removed = jobs.remove(sequence);
    if (removed != null) {
      room.take(-removed.message.size());
    }
  }

  @Override
  public synchronized Backlog backlog(Duration timeout) {
    return new Backlog(jobs.size(), jobs.values().stream().map(Queued::added).findFirst().orElse(null));
  }

  /** Returns how the queue is. */
  synchronized Queue state() {
    long waiting = jobs.values().stream().filter(job -> job.freeAt - System.nanoTime() <= 0).count();
    long bytes = jobs.values().stream().mapToLong(job -> job.message.size()).sum();
    return new Queue(waiting, jobs.size() - waiting, backlog(Duration.ZERO).oldest(), bytes, room.maxBytes());
  }

  @Override
  public void close() {
    // Others may use it, and the jobs stay
  }

  private record HandedOut(InProcessJobQueue queue, BrokerMessage message, long sequence, long deliveries) implements Job {

    @Override
    public void renew() {
      queue.giveBack(sequence, queue.lease);
    }

    @Override
    public void giveBack(Duration delay) {
      queue.giveBack(sequence, delay);
    }

    @Override
    public void terminate() {
      queue.remove(sequence);
    }

    @Override
    public void acknowledge() {
      queue.remove(sequence);
    }
  }
}
