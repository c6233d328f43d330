package dev.workloads.messaging.nats;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.workloads.messaging.BrokerMessage;
import dev.workloads.messaging.MessageTransport;
import dev.workloads.messaging.MessageTransportContractTests;
import dev.workloads.messaging.test.NatsServer;
import io.nats.client.Options;
import java.time.Duration;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.Semaphore;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

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

  @Test
  void pendingIsWhatWaitsForTheReceiver() {
    Semaphore permits = new Semaphore(0);
    try (MessageTransport transport = open();
        MessageTransport.Subscription subscription =
            transport.subscribe(List.of("pending"), "group", (message, replies) -> permits.acquireUninterruptibly())) {
      for (int i = 0; i < 3; i++) {
        transport.publish(new BrokerMessage("pending", new byte[0]));
      }
      await().until(() -> permits.hasQueuedThreads() && subscription.pending() == 2);
      permits.release(3);
      await().until(() -> subscription.pending() == 0);
    }
  }

  @Test
  void sentMessagesAreMessagesOnly() {
    try (NatsTransport transport = open()) {
      transport.subscribe(List.of("counted"), null, (message, replies) -> replies.send(message.reply(message.body())));
      transport.publish(new BrokerMessage("other", new byte[0]));
      transport.request(new BrokerMessage("counted", new byte[100]), Duration.ofSeconds(5));
      await().until(() -> transport.statistics().getOutMsgs() == 3);
      assertThat(transport.statistics().getOutBytes()).isGreaterThan(200);
    }
  }

  @Test
  void connectionOutlivesManyWhoSubscribeAndDrainAtOnce() throws Exception {
    ExecutorService threads = Executors.newFixedThreadPool(16);
    try (NatsTransport transport = open()) {
      List<Callable<Boolean>> calls = Collections.nCopies(200, () -> transport.subscribe(List.of("subject"), null,
          (message, replies) -> { }).drain(Duration.ofSeconds(5)));
      for (Future<Boolean> drained : threads.invokeAll(calls)) {
        assertThat(drained.get()).isTrue();
      }
      assertThat(transport.statistics().getReconnects()).isZero();
    } finally {
      threads.shutdownNow();
    }
  }

  @Override
  protected NatsTransport open() {
    NatsTransport transport = NatsTransport.open(Options.builder().server(server.url()).build(), Duration.ofSeconds(5),
        Duration.ofMillis(500));
    await().until(transport::isReady);
    return transport;
  }
}
