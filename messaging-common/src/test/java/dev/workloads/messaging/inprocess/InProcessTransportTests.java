package dev.workloads.messaging.inprocess;

import dev.workloads.messaging.MessageTransport;
import dev.workloads.messaging.MessageTransportContractTests;

class InProcessTransportTests extends MessageTransportContractTests {

  private final MessageTransport transport = new InProcessTransport();

  @Override
  protected MessageTransport open() {
    return transport;
  }
}
