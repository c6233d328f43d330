package dev.workloads.messaging.durable.inprocess;

import dev.workloads.messaging.durable.DurableTasksContractTests;
import dev.workloads.messaging.durable.TestedStore;

class InProcessTasksTests extends DurableTasksContractTests {

  private static final TestedInProcess STORE = new TestedInProcess();

  @Override
  protected TestedStore tested() {
    return STORE;
  }
}
