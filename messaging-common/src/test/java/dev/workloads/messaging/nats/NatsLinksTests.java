package dev.workloads.messaging.nats;

import static java.util.concurrent.TimeUnit.SECONDS;
import static org.assertj.core.api.Assertions.assertThat;

import dev.workloads.messaging.BrokerMessage;
import dev.workloads.messaging.MessageTransport.SubscribeOptions;
import dev.workloads.messaging.nats.NatsLinkState.Phase;
import dev.workloads.messaging.test.NatsServer;
import io.nats.client.Connection;
import io.nats.client.ConnectionListener.Events;
import io.nats.client.Nats;
import io.nats.client.Options;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;

class NatsLinksTests {

  @Test
  void linkWhosePhaseDoesNotTellYetThatItIsConnectedGetsEachSubscription() throws Exception {
    BlockingQueue<BrokerMessage> received = new LinkedBlockingQueue<>();
    try (NatsServer server = NatsServer.start(); Connection other = Nats.connect(server.url());
        NatsLinks links = new NatsLinks()) {
      NatsLinkFactory factory =
          new NatsLinkFactory(new Options.Builder().server(server.url()).build(), Duration.ofSeconds(1));
      NatsLink link = factory.newLink();
      link.connect();
      links.add(link, factory.newLink());
      Awaitility.await().until(() -> link.state().phase() == Phase.READY);
      link.state().onEvent(other, Events.CLOSED); // as the phase was before the event of the connection

      links.subscribe(new NatsSubscription(List.of("a"), null, SubscribeOptions.NEEDED,
          (message, replies) -> received.add(message)));
      other.publish("a", new byte[1]);

      assertThat(received.poll(10, SECONDS)).isNotNull();
    }
  }
}
