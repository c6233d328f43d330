package dev.workloads.messaging.autoconfigure;

import static org.assertj.core.api.Assertions.assertThat;

import dev.workloads.messaging.BrokerMessage;
import dev.workloads.messaging.BrokerMessageHandler;
import dev.workloads.messaging.MessageTransport;
import dev.workloads.messaging.MessagingClient;
import dev.workloads.messaging.discovery.ServiceDiscovery;
import dev.workloads.messaging.inprocess.InProcessTransport;
import dev.workloads.messaging.listener.MessageListenerContainer;
import dev.workloads.messaging.listener.MessageListenerRegistry;
import dev.workloads.messaging.nats.NatsTransport;
import dev.workloads.messaging.testing.FailedStart;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.binder.MeterBinder;
import io.micrometer.core.instrument.config.MeterFilter;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.nats.client.Connection;
import io.nats.client.Options;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.springframework.boot.autoconfigure.AutoConfigurations;
import org.springframework.boot.context.properties.ConfigurationPropertiesBindHandlerAdvisor;
import org.springframework.boot.health.contributor.Health;
import org.springframework.boot.health.contributor.HealthIndicator;
import org.springframework.boot.health.contributor.Status;
import org.springframework.boot.test.context.assertj.AssertableApplicationContext;
import org.springframework.boot.test.context.runner.ApplicationContextRunner;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.core.env.SystemEnvironmentPropertySource;

class MessagingAutoConfigurationTests {

  private static final String IN_PROCESS = "messaging.transport=in-process";
  private static final String NOBODY_THERE = "messaging.nats.servers=nats://127.0.0.1:1";
  private static final MessageTransport OWN_TRANSPORT = new InProcessTransport();

  private final ApplicationContextRunner runner = new ApplicationContextRunner()
      .withConfiguration(AutoConfigurations.of(MessagingAutoConfiguration.class, MessagingHealthAutoConfiguration.class,
          MessagingMetricsAutoConfiguration.class));
  private final ApplicationContextRunner worker = runner.withUserConfiguration(HandlerConfiguration.class)
      .withPropertyValues(IN_PROCESS, "messaging.subscriptions=work.>", "spring.application.name=app");

  @Test
  void natsIsTheDefaultAndNeedsNoServerToStart() {
    runner.run(context -> {
      assertThat(context).hasSingleBean(MessageTransport.class).hasSingleBean(NatsTransport.class)
          .hasSingleBean(MessagingClient.class);
      assertThat(listeners(context)).isEmpty();
      assertThat(context.getBean(NatsConnectionDetails.class).getServers()).isNotEmpty();
    });
  }

  @Test
  void natsCanBeNamed() {
    runner.withPropertyValues("messaging.transport=nats", NOBODY_THERE)
        .run(context -> assertThat(context).hasSingleBean(NatsTransport.class));
  }

  @Test
  void inProcessTransportIsChosenByProperty() {
    runner.withPropertyValues(IN_PROCESS).run(context -> assertThat(context).hasSingleBean(MessageTransport.class)
        .hasSingleBean(InProcessTransport.class).doesNotHaveBean(NatsConnectionDetails.class));
  }

  @ParameterizedTest
  @ValueSource(strings = {"IN_PROCESS", "in_process", "InProcess"})
  void transportIsChosenInAnyForm(String transport) {
    runner.withPropertyValues("messaging.transport=" + transport)
        .run(context -> assertThat(context).hasSingleBean(InProcessTransport.class));
    runner.withInitializer(context -> context.getEnvironment().getPropertySources().addFirst(
            new SystemEnvironmentPropertySource("test-systemEnvironment", Map.of("MESSAGING_TRANSPORT", transport))))
        .run(context -> assertThat(context).hasSingleBean(InProcessTransport.class));
  }

  @Test
  void emptyValueIsAsIfItWereNotSet() {
    String[] empty = KnownPropertiesOnly.knownProperties().map(KnownPropertiesOnly.Known::name)
        .map(Object::toString).filter(name -> name.startsWith("messaging.")).map(name -> name + "=").toArray(String[]::new);
    assertThat(empty).hasSizeGreaterThan(20);
    runner.run(usual -> runner.withPropertyValues(empty).withPropertyValues("NATS_URL=").run(context -> {
      assertThat(context).hasNotFailed().hasSingleBean(NatsTransport.class);
      assertThat(context.getBean(MessagingProperties.class)).isEqualTo(usual.getBean(MessagingProperties.class));
      assertServers(context, "nats://localhost:4222");
    }));
    worker.withPropertyValues("messaging.listener.enabled=", "messaging.discovery.enabled=",
            "messaging.consumer-group=")
        .run(context -> {
          assertThat(context).hasSingleBean(ServiceDiscovery.class);
          assertThat(listeners(context)).singleElement().satisfies(
              listener -> assertThat(listener.settings().group()).isEqualTo("app"));
        });
  }

  @ParameterizedTest
  @ValueSource(strings = {"false", "FALSE", "off", "no"})
  void listenerAndDiscoveryAreSwitchedOffInAnyForm(String off) {
    worker.withPropertyValues("messaging.listener.enabled=" + off)
        .run(context -> assertThat(context).doesNotHaveBean(MessageListenerRegistry.class));
    worker.withPropertyValues("messaging.discovery.enabled=" + off)
        .run(context -> assertThat(context).doesNotHaveBean(ServiceDiscovery.class));
  }

  @Test
  void unknownTransportStopsTheStart() {
    assertFails(runner.withPropertyValues("messaging.transport=rabbit"), "messaging.transport");
  }

  @Test
  void serversComeFromThePropertyElseFromTheEnvironment() {
    runner.withPropertyValues("NATS_URL=nats://a:1, nats://b:2").run(context -> assertServers(context,
        "nats://a:1", "nats://b:2"));
    runner.withPropertyValues("NATS_URL=nats://a:1", "messaging.nats.servers=nats://c:3,nats://d:4")
        .run(context -> assertServers(context, "nats://c:3", "nats://d:4"));
  }

  @Test
  void ownTransportIsUsed() {
    runner.withUserConfiguration(TransportConfiguration.class).run(context -> {
      assertThat(context).hasSingleBean(MessageTransport.class).doesNotHaveBean("natsHealthIndicator");
      assertThat(context.getBean(MessageTransport.class)).isSameAs(OWN_TRANSPORT);
    });
    runner.withUserConfiguration(TransportConfiguration.class).withPropertyValues(IN_PROCESS)
        .run(context -> assertThat(context.getBean(MessageTransport.class)).isSameAs(OWN_TRANSPORT));
  }

  @Test
  void ownBeansTakeTheirPlaces() {
    MessagingClient client = new MessagingClient(OWN_TRANSPORT, Duration.ZERO);
    NatsConnectionDetails details = () -> List.of("nats://127.0.0.1:1");
    runner.withBean(MessagingClient.class, () -> client).withBean(NatsConnectionDetails.class, () -> details)
        .run(context -> {
          assertThat(context.getBean(MessagingClient.class)).isSameAs(client);
          assertThat(context.getBean(NatsConnectionDetails.class)).isSameAs(details);
        });
    worker.withBean("own", MessageListenerRegistry.class, () -> new MessageListenerRegistry(List.of()))
        .run(context -> assertThat(context).hasSingleBean(MessageListenerRegistry.class).hasBean("own"));
    HealthIndicator health = () -> Health.unknown().build();
    MeterBinder meters = registry -> { };
    worker.withBean("messagingHealthIndicator", HealthIndicator.class, () -> health)
        .withBean("messageListenerMetrics", MeterBinder.class, () -> meters)
        .run(context -> {
          assertThat(context.getBean(HealthIndicator.class)).isSameAs(health);
          assertThat(context.getBean(MeterBinder.class)).isSameAs(meters);
        });
    runner.withPropertyValues(NOBODY_THERE).withBean("natsHealthIndicator", HealthIndicator.class, () -> health)
        .withBean("natsConnectionMetrics", MeterBinder.class, () -> meters)
        .run(context -> {
          assertThat(context.getBean("natsHealthIndicator")).isSameAs(health);
          assertThat(context.getBean("natsConnectionMetrics")).isSameAs(meters);
        });
  }

  @Test
  void handlerBeanMakesAWorker() {
    worker.run(context -> {
      assertThat(listeners(context).get(0).isRunning()).isTrue();
      assertThat(answer(context, "work.a", "hello")).isEqualTo("handled hello");
    });
  }

  @Test
  void workerStopsWithItsContext() {
    worker.run(context -> {
      MessageListenerContainer container = listeners(context).get(0);
      MessageTransport transport = context.getBean(MessageTransport.class);
      context.getSourceApplicationContext().close();
      assertThat(container.isRunning()).isFalse();
      assertThat(transport.isReady()).isFalse();
    });
  }

  @Test
  void withoutHandlerThereIsNoWorker() {
    runner.withPropertyValues(IN_PROCESS)
        .run(context -> {
          assertThat(listeners(context)).isEmpty();
          assertThat(bind(context).getMeters()).isEmpty();
        });
  }

  @Test
  void subscriptionsWithoutHandlerStopTheStart() {
    assertFails(runner.withPropertyValues(IN_PROCESS, "messaging.subscriptions=a"), "messaging.subscriptions");
  }

  @Test
  void handlerWithoutSubscriptionsStopsTheStart() {
    assertFails(runner.withUserConfiguration(HandlerConfiguration.class)
        .withPropertyValues(IN_PROCESS, "spring.application.name=app"), "messaging.subscriptions");
  }

  @Test
  void workerWithoutGroupStopsTheStart() {
    assertFails(runner.withUserConfiguration(HandlerConfiguration.class)
        .withPropertyValues(IN_PROCESS, "messaging.subscriptions=a"), "messaging.consumer-group");
  }

  @ParameterizedTest
  @ValueSource(strings = {"a b", "a..b", ".a", "a.>.b", "a*", "\u00e4"})
  void malformedSubscriptionStopsTheStart(String pattern) {
    assertFails(worker.withPropertyValues("messaging.subscriptions=ok," + pattern), "messaging.subscriptions");
  }

  @ParameterizedTest
  @ValueSource(strings = {"messaging.consumer-group=a b", "spring.application.name=my app"})
  void malformedGroupStopsTheStart(String property) {
    assertFails(worker.withPropertyValues(property), "messaging.consumer-group");
  }

  @Test
  void overlappingBroadcastSubscriptionsStopTheStart() {
    assertFails(worker.withPropertyValues("messaging.consumer-group=broadcast", "messaging.subscriptions=a.>,a.b"),
        "messaging.subscriptions");
    worker.withPropertyValues("messaging.consumer-group=broadcast", "messaging.subscriptions=a.>,b.>")
        .run(context -> assertThat(context).hasNotFailed());
    worker.withPropertyValues("messaging.subscriptions=a.>,a.b").run(context -> assertThat(context).hasNotFailed());
  }

  @ParameterizedTest
  @CsvSource({"messaging.max-in-flight,0", "messaging.max-in-flight,-1", "messaging.queue-capacity,-1",
      "messaging.max-buffered,0B", "messaging.max-buffered,-1B", "messaging.drain-timeout,-1s",
      "messaging.request.retry-window,-1ms", "messaging.nats.connect-timeout,0s", "messaging.nats.connect-timeout,-1s",
      "messaging.nats.max-reconnect-wait,0s", "messaging.nats.ping-interval,0s", "messaging.nats.ping-interval,999us",
      "messaging.nats.ready-grace,-1s", "messaging.max-in-flight,many"})
  void valueOutOfRangeStopsTheStart(String property, String value) {
    assertFails(runner.withPropertyValues(NOBODY_THERE, property + "=" + value), property);
  }

  @ParameterizedTest
  @ValueSource(strings = {"messaging.drain-timeout", "messaging.request.retry-window", "messaging.nats.connect-timeout",
      "messaging.nats.max-reconnect-wait", "messaging.nats.ping-interval", "messaging.nats.ready-grace"})
  void durationThatNoClockCountsStopsTheStart(String property) {
    for (String tooLong : List.of("1000000000d", "2073600001ms")) {
      assertThat(FailedStart.report(runner.withPropertyValues(NOBODY_THERE, property + "=" + tooLong)))
          .contains(property, "must be from ", " ms to 24 d");
    }
    runner.withPropertyValues(NOBODY_THERE, property + "=24d").run(context -> assertThat(context).hasNotFailed());
  }

  @ParameterizedTest
  @ValueSource(strings = {"messaging.nats.credentials-file", "messaging.nats.nkey-file"})
  void unreadableFileStopsTheStart(String property) {
    assertFails(runner.withPropertyValues(NOBODY_THERE, property + "=/no/such/file"), property);
  }

  @ParameterizedTest
  @ValueSource(strings = {"a b", "a.*", ">", ".a", "a.", "a..b", "\u00e4"})
  void malformedInboxPrefixStopsTheStart(String prefix) {
    assertThat(FailedStart.report(runner.withPropertyValues(NOBODY_THERE, "messaging.nats.inbox-prefix=" + prefix)))
        .contains("messaging.nats.inbox-prefix", "'" + prefix + "'");
  }

  @ParameterizedTest
  @CsvSource({"nats://user:secret@a b, nats://a b", "nats://my_host:4222, nats://my_host:4222",
      "nats://user:secret@my_host, nats://my_host", "user:secret@my_host, my_host",
      "nats://user:se/cr@et@my_host, nats://my_host", "nats://user:1secret, nats://user:***",
      "nats://host:99999, nats://host:99999", "user:secret@host:65536, host:65536", "host:0, host:0"})
  void serverThatIsNoUrlStopsTheStartWithoutTellingItsPassword(String server, String shown) {
    for (String property : List.of("messaging.nats.servers", "NATS_URL")) {
      assertThat(FailedStart.report(runner.withPropertyValues(property + "=nats://host:4222, " + server)))
          .contains(property, "'" + shown + "'").doesNotContain("secret", "cr@et");
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"host", "host:65535", "10.0.0.1", "user:secret@host", "tls://host", "nats://[::1]:4222"})
  void serverIsWhatJnatsTakes(String server) {
    runner.withPropertyValues("messaging.nats.servers=" + server)
        .run(context -> assertThat(context).hasNotFailed());
  }

  @Test
  void severalWaysToLogInStopTheStart() {
    assertThat(FailedStart.report(runner.withPropertyValues(NOBODY_THERE, "messaging.nats.token=secret",
        "messaging.nats.username=user", "messaging.nats.password=secret")))
        .contains("messaging.nats.token", "messaging.nats.username").doesNotContain("secret");
    runner.withPropertyValues(NOBODY_THERE, "messaging.nats.token=", "messaging.nats.username=user")
        .run(context -> assertThat(context).hasNotFailed());
  }

  @ParameterizedTest
  @CsvSource({"messaging.subscription, messaging.subscriptions", "messaging.nats.server, messaging.nats.servers",
      "messaging.nats.pasword, messaging.nats.password", "messaging.nats.user-nam, messaging.nats.username",
      "messaging.max-flight, messaging.max-in-flight",
      "messaging.listeners.a.max-flight, messaging.listeners.a.max-in-flight"})
  void unknownPropertyStopsTheStartOfWhoWantsItSo(String unknown, String known) {
    assertThat(FailedStart.report(runner.withInitializer(new KnownPropertiesOnly("messaging"))
        .withPropertyValues(NOBODY_THERE, unknown + "=secret")))
        .contains("'" + unknown + "'", "'" + known + "'").doesNotContain("secret");
  }

  @Test
  void propertiesOfOthersAreNobodysConcern() {
    runner.withPropertyValues(IN_PROCESS, "messaging.topic=theirs", "messaging.nats.theirs.too=1", "messaging=3")
        .run(context -> {
          assertThat(context).hasNotFailed();
          assertThat(context).doesNotHaveBean(ConfigurationPropertiesBindHandlerAdvisor.class);
          assertThat(context.getEnvironment().getProperty("messaging.topic")).isEqualTo("theirs");
        });
  }

  @Test
  void unknownSslBundleStopsTheStart() {
    assertFails(runner.withPropertyValues(NOBODY_THERE, "messaging.nats.ssl.bundle=none"), "messaging.nats.ssl.bundle");
  }

  @Test
  void optionsFollowThePropertiesAndTheCustomizers() {
    Options[] seen = new Options[1];
    runner.withPropertyValues(NOBODY_THERE, "spring.application.name=app", "messaging.nats.username=user",
            "messaging.nats.password=secret", "messaging.nats.inbox-prefix=_INBOX_app",
            "messaging.nats.ping-interval=7s",
            "messaging.nats.connect-timeout=3s")
        .withBean(NatsOptionsCustomizer.class, () -> options -> seen[0] = options.maxControlLine(2222).build())
        .run(context -> assertThat(context).hasNotFailed());
    assertThat(seen[0].getServers()).hasToString("[nats://127.0.0.1:1]");
    assertThat(seen[0].getConnectionName()).isEqualTo("app");
    assertThat(seen[0].getUsernameChars()).containsExactly("user".toCharArray());
    assertThat(seen[0].getPasswordChars()).containsExactly("secret".toCharArray());
    assertThat(seen[0].getInboxPrefix()).isEqualTo("_INBOX_app.");
    assertThat(seen[0].getPingInterval()).isEqualTo(Duration.ofSeconds(7));
    assertThat(seen[0].getConnectionTimeout()).isEqualTo(Duration.ofSeconds(3));
    assertThat(seen[0].getMaxControlLine()).isEqualTo(2222);
  }

  @Test
  void readinessFollowsTheTransport() {
    runner.withPropertyValues(IN_PROCESS).run(context -> {
      assertThat(context).hasSingleBean(HealthIndicator.class);
      assertThat(health(context, "messagingHealthIndicator").getStatus()).isEqualTo(Status.UP);
      context.getBean(MessageTransport.class).close();
      assertThat(health(context, "messagingHealthIndicator").getStatus()).isEqualTo(Status.OUT_OF_SERVICE);
    });
  }

  @Test
  void healthOfNatsNamesTheCause() {
    runner.withPropertyValues(NOBODY_THERE).run(context -> {
      assertThat(health(context, "messagingHealthIndicator").getStatus()).isEqualTo(Status.OUT_OF_SERVICE);
      Health nats = health(context, "natsHealthIndicator");
      assertThat(nats.getStatus()).isEqualTo(Status.DOWN);
      assertThat(nats.getDetails()).containsEntry("status", Connection.Status.DISCONNECTED).containsKey("problem")
          .doesNotContainKey("server");
    });
  }

  @Test
  void healthIndicatorsCanBeSwitchedOff() {
    runner.withPropertyValues(NOBODY_THERE, "management.health.nats.enabled=false",
            "management.health.messaging.enabled=false")
        .run(context -> assertThat(context).doesNotHaveBean(HealthIndicator.class));
  }

  @Test
  void workerHasMeters() {
    worker.run(context -> {
      MeterRegistry registry = bind(context);
      context.getBean(MessageTransport.class).publish(new BrokerMessage("work.a", new byte[0]));
      listeners(context).get(0).stop();
      assertThat(registry.get("messaging.missing.reply.to").functionCounter().count()).isEqualTo(1);
      assertThat(registry.get("messaging.in.flight").gauge().value()).isZero();
      assertThat(registry.get("messaging.queued").gauge().value()).isZero();
      for (String counter : List.of("shed", "expired", "lost.replies")) {
        assertThat(registry.get("messaging." + counter).functionCounter().count()).isZero();
      }
    });
  }

  @Test
  void observationsHaveDescriptions() {
    runner.run(context -> {
      MeterRegistry registry = new SimpleMeterRegistry();
      registry.config().meterFilter(context.getBean(MeterFilter.class));
      for (String name : List.of("messaging.request", "messaging.process")) {
        assertThat(registry.timer(name, "tag", "value").getId().getDescription()).isNotBlank();
        assertThat(registry.get(name).tag("tag", "value").timers()).hasSize(1);
      }
      assertThat(registry.timer("other").getId().getDescription()).isNull();
    });
  }

  @Test
  void natsConnectionHasMeters() {
    runner.withPropertyValues(NOBODY_THERE).run(context ->
        assertThat(bind(context).get("messaging.nats.reconnects").functionCounter().count()).isZero());
  }

  @Test
  void childUsesTheTransportOfItsParent() {
    runner.withPropertyValues(IN_PROCESS).run(parent -> worker.withPropertyValues("messaging.transport=nats")
        .withParent(parent).run(child -> {
          assertThat(child.getBean(MessageTransport.class)).isSameAs(parent.getBean(MessageTransport.class));
          assertThat(child.getBeansOfType(MessageTransport.class)).isEmpty();
          assertThat(listeners(child)).hasSize(1);
          assertThat(answer(parent, "work.a", "1")).isEqualTo("handled 1");
        }));
  }

  @Test
  void workersOfSiblingsAreTheirOwn() {
    runner.withPropertyValues(IN_PROCESS).run(parent -> worker.withParent(parent).run(one ->
        worker.withPropertyValues("messaging.subscriptions=other.>").withParent(parent).run(two -> {
          assertThat(answer(parent, "work.a", "1")).isEqualTo("handled 1");
          assertThat(answer(parent, "other.a", "2")).isEqualTo("handled 2");
        })));
  }

  @Test
  void handlerOfTheParentMakesNoWorkerOfTheChild() {
    new ApplicationContextRunner().withUserConfiguration(TransportConfiguration.class)
        .withBean(BrokerMessageHandler.class, () -> message -> null)
        .run(parent -> runner.withParent(parent)
            .run(child -> assertThat(listeners(child)).isEmpty()));
  }

  private static List<MessageListenerContainer> listeners(AssertableApplicationContext context) {
    return context.getBean(MessageListenerRegistry.class).containers();
  }

  private static void assertServers(AssertableApplicationContext context, String... servers) {
    assertThat(context.getBean(NatsConnectionDetails.class).getServers()).containsExactly(servers);
  }

  private static void assertFails(ApplicationContextRunner runner, String property) {
    runner.run(context -> {
      assertThat(context).hasFailed();
      @Nullable Throwable failure = context.getStartupFailure();
      while (failure != null && !String.valueOf(failure.getMessage()).contains(property)) {
        failure = failure.getCause();
      }
      assertThat(failure).as("failure that names " + property).isNotNull();
    });
  }

  private static Health health(AssertableApplicationContext context, String indicator) {
    Health health = context.getBean(indicator, HealthIndicator.class).health();
    assertThat(health).isNotNull();
    return health;
  }

  private static MeterRegistry bind(AssertableApplicationContext context) {
    MeterRegistry registry = new SimpleMeterRegistry();
    context.getBeansOfType(MeterBinder.class).values().forEach(binder -> binder.bindTo(registry));
    return registry;
  }

  private static String answer(AssertableApplicationContext context, String subject, String body) {
    MessagingClient client = context.getBean(MessagingClient.class);
    return client.request(BrokerMessage.of(subject, body), Duration.ofSeconds(5)).text();
  }

  @Configuration(proxyBeanMethods = false)
  static class HandlerConfiguration {

    @Bean
    BrokerMessageHandler handler() {
      return message -> message.reply("handled " + message.text());
    }
  }

  @Configuration(proxyBeanMethods = false)
  static class TransportConfiguration {

    @Bean(destroyMethod = "")
    MessageTransport transport() {
      return OWN_TRANSPORT;
    }
  }
}
