package dev.workloads.messaging.durable.jetstream;

import dev.workloads.messaging.durable.TaskOperationsContractTests;
import dev.workloads.messaging.durable.TestedStore;
import org.junit.jupiter.api.extension.RegisterExtension;

class JetStreamOperationsTests extends TaskOperationsContractTests {

  @RegisterExtension
  private static final TestedJetStream STORE = new TestedJetStream();

  @Override
  protected TestedStore tested() {
    return STORE;
  }
}
