package dev.workloads.messaging.durable.inprocess;

import dev.workloads.messaging.durable.DurableTasksFaultsContractTests;
import dev.workloads.messaging.durable.TestedStore;

class InProcessTasksFaultsTests extends DurableTasksFaultsContractTests {

  private static final TestedInProcess STORE = new TestedInProcess();

  @Override
  protected TestedStore tested() {
    return STORE;
  }
}
