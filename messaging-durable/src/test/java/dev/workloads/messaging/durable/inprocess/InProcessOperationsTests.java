package dev.workloads.messaging.durable.inprocess;

import dev.workloads.messaging.durable.TaskOperationsContractTests;
import dev.workloads.messaging.durable.TestedStore;

class InProcessOperationsTests extends TaskOperationsContractTests {

  private static final TestedInProcess STORE = new TestedInProcess();

  @Override
  protected TestedStore tested() {
    return STORE;
  }
}
