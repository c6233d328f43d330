package dev.workloads.messaging.stream;

import dev.workloads.messaging.MessageTransport;
import dev.workloads.messaging.inprocess.InProcessTransport;

class InProcessStreamTests extends StreamContractTests {

  private final MessageTransport transport = new InProcessTransport();

  @Override
  protected MessageTransport open() {
    return transport;
  }
}
