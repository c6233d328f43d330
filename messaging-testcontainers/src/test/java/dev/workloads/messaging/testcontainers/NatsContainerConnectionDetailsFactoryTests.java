package dev.workloads.messaging.testcontainers;

import static org.assertj.core.api.Assertions.assertThat;

import dev.workloads.messaging.MessageTransport;
import dev.workloads.messaging.autoconfigure.MessagingAutoConfiguration;
import dev.workloads.messaging.autoconfigure.NatsConnectionDetails;
import dev.workloads.messaging.test.NatsServer;
import java.time.Duration;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.boot.autoconfigure.ImportAutoConfiguration;
import org.springframework.boot.test.context.SpringBootTest;
import org.springframework.boot.testcontainers.service.connection.ServiceConnection;
import org.springframework.context.annotation.Configuration;
import org.testcontainers.containers.GenericContainer;

@SpringBootTest
class NatsContainerConnectionDetailsFactoryTests {

  @ServiceConnection
  static final RunningElsewhere nats = new RunningElsewhere(NatsServer.start());

  @Autowired
  NatsConnectionDetails details;

  @Autowired
  MessageTransport transport;

  @Test
  void serviceConnectionOnAPlainContainerSaysWhereNatsIs() {
    assertThat(details.getServers()).containsExactly(nats.server.url());
    Awaitility.await().atMost(Duration.ofSeconds(10)).until(transport::isReady);
  }

  @Configuration(proxyBeanMethods = false)
  @ImportAutoConfiguration(MessagingAutoConfiguration.class)
  static class Application {}

  /** A container as far as Spring Boot looks at it; its server is a process, so that this needs no Docker. */
  static final class RunningElsewhere extends GenericContainer<RunningElsewhere> {

    private static final String IMAGE = "nats:2-alpine";

    private final NatsServer server;

    RunningElsewhere(NatsServer server) {
      super(IMAGE);
      this.server = server;
    }

    /** Without asking a Docker engine for the image. */
    @Override
    public String getDockerImageName() {
      return IMAGE;
    }

    @Override
    public void start() {
      // runs already
    }

    @Override
    public void stop() {
      server.close();
    }

    @Override
    public String getHost() {
      return "127.0.0.1";
    }

    @Override
    public Integer getMappedPort(int originalPort) {
      assertThat(originalPort).isEqualTo(4222);
      return server.port();
    }
  }
}
