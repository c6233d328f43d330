package dev.workloads.messaging.stream;

import static org.awaitility.Awaitility.await;

import dev.workloads.messaging.MessageTransport;
import dev.workloads.messaging.nats.NatsTransport;
import dev.workloads.messaging.test.NatsServer;
import io.nats.client.Options;
import java.time.Duration;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;

class NatsStreamTests extends StreamContractTests {

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
    NatsTransport transport = NatsTransport.open(Options.builder().server(server.url()).build(), Duration.ofSeconds(5),
        Duration.ofMillis(100));
    await().until(transport::isReady);
    return transport;
  }
}
