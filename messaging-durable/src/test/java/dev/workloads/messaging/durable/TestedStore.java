package dev.workloads.messaging.durable;

import dev.workloads.messaging.BrokerMessage;
import dev.workloads.messaging.durable.operations.StoreOperations;
import java.time.Duration;
import java.util.List;

/** One kind of store, for the tests that hold for each. */
public interface TestedStore {

  /** How long {@link #store} keeps what is not written any more. */
  Duration RETENTION = Duration.ofHours(1);

  /** Returns a store with room for whatever tests do. */
  DurableStore store();

  /** Has that store take the jobs of a worker. */
  void provision(JobSettings worker);

  /** Returns another store, with those limits, which takes the jobs of the workers. */
  DurableStore limited(Duration retention, long maxJobs, List<JobSettings> workers);

  /** Returns what that store tells and does for operators. */
  StoreOperations operations();

  /** Returns the dead letters of a group in all these stores. */
  List<BrokerMessage> deadLetters(String group) throws Exception;
}
