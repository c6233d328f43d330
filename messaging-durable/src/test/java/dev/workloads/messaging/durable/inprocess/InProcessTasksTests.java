package dev.workloads.messaging.durable.inprocess;

import dev.workloads.messaging.BrokerMessage;
import dev.workloads.messaging.durable.DurableStore;
import dev.workloads.messaging.durable.DurableTasksContractTests;
import dev.workloads.messaging.durable.JobSettings;
import java.util.List;

class InProcessTasksTests extends DurableTasksContractTests {

  private final InProcessStore store = new InProcessStore(RETENTION, 64L << 20);

  @Override
  protected DurableStore store() {
    return store;
  }

  @Override
  protected void provision(JobSettings settings) {
    store.open(settings.group(), settings.subjects(), settings.lease());
  }

  @Override
  protected List<BrokerMessage> deadLetters(String group) {
    return store.deadLetters().stream().filter(letter -> letter.subject().equals("jobs-dead." + group)).toList();
  }
}
