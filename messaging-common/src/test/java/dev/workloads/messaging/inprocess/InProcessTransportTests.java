package dev.workloads.messaging.inprocess;

import static org.assertj.core.api.Assertions.assertThat;

import dev.workloads.messaging.BrokerMessage;
import dev.workloads.messaging.MessageTransport;
import dev.workloads.messaging.MessageTransportContractTests;
import java.util.List;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.junit.jupiter.api.Test;

class InProcessTransportTests extends MessageTransportContractTests {

  private final MessageTransport transport = new InProcessTransport();

  @Override
  protected MessageTransport open() {
    return transport;
  }

  @Test
  void messageForASubscriptionThatHasJustEndedIsNotDelivered() {
    Queue<BrokerMessage> received = new ConcurrentLinkedQueue<>();
    InProcessSubscription subscription = new InProcessSubscription(List.of("a"), "group",
        (delivered, replies) -> received.add(delivered), ended -> { });
    BrokerMessage message = new BrokerMessage("a", new byte[0]);
    assertThat(subscription.deliver(message, transport::publish)).isTrue();
    subscription.close();
    assertThat(subscription.deliver(message, transport::publish)).isFalse();
    assertThat(received).hasSize(1);
  }

  @Test
  void errorOfAReceiverDoesNotReachThePublisher() {
    InProcessSubscription subscription = new InProcessSubscription(List.of("a"), null, (delivered, replies) -> {
      throw new AssertionError("of the receiver");
    }, ended -> { });
    assertThat(subscription.deliver(new BrokerMessage("a", new byte[0]), transport::publish)).isTrue();
  }
}
