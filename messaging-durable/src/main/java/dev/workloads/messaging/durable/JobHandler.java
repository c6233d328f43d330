package dev.workloads.messaging.durable;

import dev.workloads.messaging.BrokerMessage;
import dev.workloads.messaging.BrokerMessageHandler;
import org.jspecify.annotations.Nullable;

/** Handles jobs as a {@link BrokerMessageHandler} handles requests, and may report how far it is. */
@FunctionalInterface
public interface JobHandler {

  /**
   * Handles one job.
   *
   * @return what holds the result, or {@code null} for an empty one
   * @throws Exception whatever has the attempt fail
   */
  @Nullable BrokerMessage handle(BrokerMessage job, TaskProgress progress) throws Exception;
}
