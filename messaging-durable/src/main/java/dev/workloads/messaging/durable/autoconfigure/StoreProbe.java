package dev.workloads.messaging.durable.autoconfigure;

import dev.workloads.messaging.BrokerException;
import dev.workloads.messaging.durable.Deadline;
import dev.workloads.messaging.durable.DurableStore;
import dev.workloads.messaging.durable.StaleRevisionException;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/** Tells whether a store answers and lets the application in: reads what is not there. A worker writes what is refused as stale. */
record StoreProbe(DurableStore store, boolean isWorker) {

  private static final String NO_TASK = "health";
  private static final long NO_REVISION = Long.MAX_VALUE;
  private static final Duration TIMEOUT = Duration.ofSeconds(1);

  /** Returns why the store cannot be used, or {@code null} if it can; blocks for a second at most. */
  @Nullable String problem() {
    Deadline deadline = Deadline.after(TIMEOUT);
    try {
      store.read(NO_TASK, true, deadline.remaining());
      if (isWorker) {
        store.compareAndSet(NO_TASK, new byte[0], NO_REVISION, deadline.remaining());
      }
      return null;
    } catch (StaleRevisionException e) {
      return null; // it would have been written
    } catch (BrokerException e) {
      return String.valueOf(e.getMessage());
    }
  }
}
