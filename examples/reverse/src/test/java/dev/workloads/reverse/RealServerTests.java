package dev.workloads.reverse;

import static org.assertj.core.api.Assertions.assertThat;

import dev.workloads.messaging.MessageTransport;
import dev.workloads.messaging.MessagingClient;
import dev.workloads.messaging.test.WithNatsServer;
import java.time.Duration;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.boot.test.context.SpringBootTest;

@SpringBootTest
@WithNatsServer
class RealServerTests {

  @Autowired
  MessagingClient client;

  @Autowired
  MessageTransport transport;

  @Test
  void textIsReversed() {
    Awaitility.await().until(transport::isReady); // it connects in the background

    assertThat(client.request("tasks.reverse", "leet", String.class, Duration.ofSeconds(5))).isEqualTo("teel");
  }
}
