package dev.workloads.messaging.autoconfigure;

import static org.assertj.core.api.Assertions.assertThat;

import dev.workloads.messaging.BrokerMessage;
import dev.workloads.messaging.BrokerMessageHandler;
import dev.workloads.messaging.MessageTransport;
import dev.workloads.messaging.MessagingClient;
import dev.workloads.messaging.test.NatsServer;
import dev.workloads.messaging.test.WithNatsServer;
import java.time.Duration;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.boot.autoconfigure.ImportAutoConfiguration;
import org.springframework.boot.test.context.SpringBootTest;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.test.annotation.DirtiesContext;

/** A test of an application, as docs/write-a-worker.md teaches it. */
@WithNatsServer
@DirtiesContext // Its threads would be in the way of ListenerLifecycleTests
@SpringBootTest(properties = {"spring.application.name=worker", "messaging.subscriptions=echo"})
class RealServerTests {

  private static final Duration TIMEOUT = Duration.ofSeconds(5);

  @Autowired
  MessagingClient client;
  @Autowired
  MessageTransport transport;
  @Autowired
  NatsServer nats;

  @Test
  void workerAnswers() {
    assertThat(echo()).isEqualTo("hello");
  }

  @Test
  void workerAnswersAgainAfterTheServerWasDown() {
    nats.stop();
    Awaitility.await().until(() -> !transport.isReady());

    nats.startAgain();
    Awaitility.await().ignoreExceptions().untilAsserted(() -> assertThat(echo()).isEqualTo("hello"));
  }

  private String echo() {
    return client.request(BrokerMessage.of("echo", "hello"), TIMEOUT).text();
  }

  @Configuration(proxyBeanMethods = false)
  @ImportAutoConfiguration(MessagingAutoConfiguration.class)
  static class Worker {

    @Bean
    BrokerMessageHandler echo() {
      return message -> message.reply(message.body());
    }
  }
}
