package dev.workloads.messaging.nats;

import static org.awaitility.Awaitility.await;

import dev.workloads.messaging.MessageTransport;
import dev.workloads.messaging.MessageTransportContractTests;
import dev.workloads.messaging.testing.NatsServer;
import io.nats.client.Options;
import java.time.Duration;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;

class NatsTransportTests extends MessageTransportContractTests {

  private static NatsServer server;

  @BeforeAll
  static void startServer() {
    server = NatsServer.start();
  }

  @AfterAll
  static void stopServer() {
    server.close();
  }

  @Override
  protected MessageTransport open() {
    NatsTransport transport = new NatsTransport(Options.builder().server(server.url()).build(), Duration.ofSeconds(5),
        Duration.ofMillis(500));
    await().pollInterval(Duration.ofMillis(5)).until(transport::isReady);
    return transport;
  }
}
