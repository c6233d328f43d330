package dev.workloads.messaging.discovery;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowable;

import dev.workloads.messaging.BrokerException;
import dev.workloads.messaging.BrokerMessage;
import dev.workloads.messaging.BrokerMessageHandler;
import dev.workloads.messaging.MessageRejectedException;
import dev.workloads.messaging.MessagingClient;
import dev.workloads.messaging.autoconfigure.MessagingAutoConfiguration;
import dev.workloads.messaging.test.NatsServer;
import io.nats.client.Connection;
import io.nats.client.Message;
import io.nats.client.Nats;
import io.nats.service.Discovery;
import io.nats.service.Endpoint;
import io.nats.service.EndpointStats;
import io.nats.service.InfoResponse;
import io.nats.service.PingResponse;
import io.nats.service.StatsResponse;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.time.ZonedDateTime;
import java.util.List;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.springframework.boot.Banner;
import org.springframework.boot.WebApplicationType;
import org.springframework.boot.autoconfigure.ImportAutoConfiguration;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;

/** A worker as jnats' own discovery client sees it, field by field of ADR-32. */
class ServiceDiscoveryTests {

  private static final Duration TIMEOUT = Duration.ofSeconds(5);

  private static NatsServer nats;
  private static ConfigurableApplicationContext worker;
  private static Connection connection;

  @BeforeAll
  static void start() throws IOException, InterruptedException {
    nats = NatsServer.start();
    connection = Nats.connect(nats.url());
    worker = start("--spring.application.name=reverse.er", "--messaging.subscriptions=tasks.reverse,other.>",
        "--messaging.discovery.version=1.2.3", "--messaging.discovery.description=Turns texts \"around\"");
  }

  private static ConfigurableApplicationContext start(String... settings) {
    ConfigurableApplicationContext started = new SpringApplicationBuilder(Worker.class).web(WebApplicationType.NONE)
        .bannerMode(Banner.Mode.OFF).properties("messaging.nats.servers=" + nats.url()).run(settings);
    // An application is ready without its answers to discovery
    String name = started.getEnvironment().getRequiredProperty("spring.application.name").replace('.', '-');
    Awaitility.await().until(() -> connection.request("$SRV.PING." + name, new byte[0], TIMEOUT) != null);
    return started;
  }

  @AfterAll
  static void stop() throws InterruptedException {
    connection.close();
    worker.close();
    nats.close();
  }

  @Test
  void pingNamesTheWorker() {
    List<PingResponse> answers = discovery().ping();

    assertThat(answers).singleElement().satisfies(ping -> {
      assertThat(ping.getType()).isEqualTo("io.nats.micro.v1.ping_response");
      assertThat(ping.getName()).isEqualTo("reverse-er");
      assertThat(ping.getVersion()).isEqualTo("1.2.3");
      assertThat(ping.getId()).isNotEmpty();
      assertThat(discovery().ping("reverse-er")).hasSize(1);
      assertThat(discovery().ping("reverse-er", ping.getId()).getId()).isEqualTo(ping.getId());
    });
  }

  @Test
  void infoListsTheEndpoints() {
    InfoResponse info = discovery().info("reverse-er").get(0);

    assertThat(info.getType()).isEqualTo("io.nats.micro.v1.info_response");
    assertThat(info.getDescription()).isEqualTo("Turns texts \"around\"");
    assertThat(info.getMetadata()).isNullOrEmpty();
    assertThat(info.getEndpoints()).extracting(Endpoint::getName).containsExactly("handler-tasks-reverse", "handler-other");
    assertThat(info.getEndpoints()).extracting(Endpoint::getSubject).containsExactly("tasks.reverse", "other.>");
    assertThat(info.getEndpoints()).extracting(Endpoint::getQueueGroup).containsOnly("reverse.er");
  }

  @Test
  void statsCountRequestsErrorsAndTime() {
    MessagingClient client = worker.getBean(MessagingClient.class);
    StatsResponse before = discovery().stats("reverse-er").get(0);
    client.request(BrokerMessage.of("tasks.reverse", "leet"), TIMEOUT);
    Throwable failure = catchThrowable(() -> client.request("other.x", new byte[0], TIMEOUT));

    assertThat(failure).isInstanceOf(BrokerException.class).hasMessage("nothing to turn");
    Awaitility.await().untilAsserted(() -> {
      StatsResponse stats = discovery().stats("reverse-er").get(0);
      assertThat(stats.getType()).isEqualTo("io.nats.micro.v1.stats_response");
      assertThat(stats.getStarted()).isBeforeOrEqualTo(ZonedDateTime.now()).isEqualTo(before.getStarted());
      EndpointStats reverse = stats.getEndpointStatsList().get(0);
      EndpointStats other = stats.getEndpointStatsList().get(1);
      assertThat(reverse.getNumRequests()).isEqualTo(1);
      assertThat(reverse.getNumErrors()).isZero();
      assertThat(reverse.getLastError()).isNullOrEmpty();
      assertThat(reverse.getProcessingTime()).isPositive();
      assertThat(reverse.getAverageProcessingTime()).isEqualTo(reverse.getProcessingTime());
      assertThat(other.getNumRequests()).isEqualTo(1);
      assertThat(other.getNumErrors()).isEqualTo(1);
      assertThat(other.getLastError()).isEqualTo("nothing to turn");
      assertThat(other.getQueueGroup()).isEqualTo("reverse.er");
    });
  }

  @Test
  void endpointOfABroadcastListenerHasNoQueueGroup() throws Exception {
    try (ConfigurableApplicationContext listener = start("--spring.application.name=auditor",
        "--messaging.subscriptions=events.>", "--messaging.consumer-group=broadcast")) {
      assertThat(listener.isRunning()).isTrue();
      for (String verb : List.of("INFO", "STATS")) {
        Message answer = connection.request("$SRV." + verb + ".auditor", new byte[0], TIMEOUT);

        assertThat(answer.getData()).asString(StandardCharsets.UTF_8).contains("\"subject\":\"events.>\"")
            .doesNotContain("queue_group");
      }
    }
  }

  private static Discovery discovery() {
    return new Discovery(connection, 500, 1);
  }

  @Configuration(proxyBeanMethods = false)
  @ImportAutoConfiguration(MessagingAutoConfiguration.class)
  static class Worker {

    @Bean
    BrokerMessageHandler handler() {
      return message -> {
        if (message.body().length == 0) {
          throw new MessageRejectedException("nothing to turn");
        }
        return message.reply(message.body());
      };
    }
  }
}
