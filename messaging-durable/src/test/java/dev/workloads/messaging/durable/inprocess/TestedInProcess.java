package dev.workloads.messaging.durable.inprocess;

import dev.workloads.messaging.BrokerMessage;
import dev.workloads.messaging.durable.DurableStore;
import dev.workloads.messaging.durable.JobSettings;
import dev.workloads.messaging.durable.TestedStore;
import dev.workloads.messaging.durable.operations.StoreOperations;
import java.time.Duration;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;

/** The memory of the test's process. */
final class TestedInProcess implements TestedStore {

  private final Queue<InProcessStore> stores = new ConcurrentLinkedQueue<>();
  private final InProcessStore store = store(RETENTION, 1000);

  private InProcessStore store(Duration retention, long maxJobs) {
    InProcessStore created = new InProcessStore(retention, 64L << 20, maxJobs);
    stores.add(created);
    return created;
  }

  @Override
  public DurableStore store() {
    return store;
  }

  @Override
  public StoreOperations operations() {
    return store.operations();
  }

  @Override
  public void provision(JobSettings worker) {
    open(store, worker);
  }

  private static void open(InProcessStore store, JobSettings worker) {
    store.open(worker.group(), worker.subjects(), worker.lease());
  }

  @Override
  public DurableStore limited(Duration retention, long maxJobs, List<JobSettings> workers) {
    InProcessStore limited = store(retention, maxJobs);
    workers.forEach(worker -> open(limited, worker));
    return limited;
  }

  @Override
  public List<BrokerMessage> deadLetters(String group) {
    return stores.stream().flatMap(each -> each.deadLetters().stream())
        .filter(letter -> letter.subject().equals("jobs-dead." + group)).toList();
  }
}
