package dev.workloads.messaging.durable.jetstream;

import dev.workloads.messaging.durable.DurableTasksContractTests;
import dev.workloads.messaging.durable.TestedStore;
import org.junit.jupiter.api.extension.RegisterExtension;

class JetStreamTasksTests extends DurableTasksContractTests {

  @RegisterExtension
  private static final TestedJetStream STORE = new TestedJetStream();

  @Override
  protected TestedStore tested() {
    return STORE;
  }
}
