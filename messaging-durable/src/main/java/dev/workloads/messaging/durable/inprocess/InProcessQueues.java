package dev.workloads.messaging.durable.inprocess;

import dev.workloads.messaging.BrokerException;
import dev.workloads.messaging.BrokerException.Reason;
import dev.workloads.messaging.BrokerMessage;
import dev.workloads.messaging.durable.DurableStore.Appended;
import dev.workloads.messaging.durable.Jobs;
import dev.workloads.messaging.durable.ProvisioningException;
import java.time.Duration;
import java.time.Instant;
import java.util.Collections;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The queues of all groups, and the ids of what was put into them of late. Safe for use by many threads. */
final class InProcessQueues {

  private static final Duration LONGEST_DUPLICATE_WINDOW = Duration.ofMinutes(2);
  private static final int MAX_MESSAGE_IDS = 100_000; // then the oldest is forgotten

  private final InProcessRoom room;
  private final long maxJobs;
  private final Duration duplicateWindow;
  private final Map<String, InProcessJobQueue> queues = new LinkedHashMap<>(); // under this
  private final Map<String, Kept> messageIds = new LinkedHashMap<>(); // under this, the oldest first

  /** Where the first message with an id was put, and when. */
  private record Kept(Appended place, Instant at) {}

  /**
   * Creates them.
   *
   * @param maxJobs the most jobs in one queue
   * @param retention how long an entry is kept: its key is free then, and the id of its job must be free too
   */
  InProcessQueues(InProcessRoom room, long maxJobs, Duration retention) {
    this.room = room;
    this.maxJobs = maxJobs;
    this.duplicateWindow = Collections.min(List.of(retention, LONGEST_DUPLICATE_WINDOW));
  }

  synchronized Appended append(BrokerMessage message, String id) {
    forgetOldIds();
    String name = queue(message.subject());
    Kept first = messageIds.get(id);
    if (first != null) {
      return first.place();
    }
    InProcessJobQueue queue = queues.get(name);
    long sequence = queue == null ? room.bury(message) : enqueue(message, queue);
    messageIds.put(id, new Kept(new Appended(name, sequence, true), Instant.now()));
    return new Appended(name, sequence, false);
  }

  private void forgetOldIds() {
    Instant forgotten = Instant.now().minus(duplicateWindow);
    Iterator<Kept> each = messageIds.values().iterator();
    while (each.hasNext() && (each.next().at().isBefore(forgotten) || messageIds.size() >= MAX_MESSAGE_IDS)) {
      each.remove();
    }
  }

  /** Returns the group that takes a subject, or the subject of a dead letter. */
  private String queue(String subject) {
    return subject.startsWith(Jobs.DEAD_LETTER_PREFIX) ? subject
        : queues.entrySet().stream().filter(each -> each.getValue().takes(subject)).map(Map.Entry::getKey).findFirst()
            .orElseThrow(() -> new BrokerException(Reason.NO_RESPONDERS, "no queue takes " + subject));
  }

  private long enqueue(BrokerMessage job, InProcessJobQueue queue) {
    if (queue.size() >= maxJobs) {
      throw new BrokerException(Reason.OVERLOADED, "there is no room for more: " + maxJobs + " jobs wait");
    }
    return queue.add(job);
  }

  synchronized boolean contains(Appended place, BrokerMessage message) {
    InProcessJobQueue queue = queues.get(place.queue());
    return queue != null && queue.contains(place.sequence(), message);
  }

  /** Returns the groups that have a queue, sorted. */
  synchronized List<String> groups() {
    return queues.keySet().stream().sorted().toList();
  }

  /** Returns the queue of a group, or {@code null} if there is none. */
  synchronized @Nullable InProcessJobQueue find(String group) {
    return queues.get(group);
  }

  synchronized InProcessJobQueue open(String group, List<String> subjects, Duration lease) {
    queues.forEach((name, queue) -> subjects.stream().filter(queue::takes).findFirst().ifPresent(subject -> {
      if (!name.equals(group)) {
        throw new ProvisioningException(List.of("The group " + group + " cannot take " + subject
            + ", which belongs to the group " + name + ". Each subject belongs to one group."));
      }
    }));
    InProcessJobQueue queue = queues.computeIfAbsent(group, name -> new InProcessJobQueue(room));
    queue.enlarge(subjects, lease);
    return queue;
  }
}
