package dev.workloads.messaging.test;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import java.util.List;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.boot.test.context.SpringBootTest;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.annotation.Configuration;
import org.springframework.context.support.GenericApplicationContext;
import org.springframework.test.context.ContextCustomizer;
import org.springframework.test.context.MergedContextConfiguration;

@WithNatsServer
@SpringBootTest(classes = WithNatsServerTests.Application.class,
    properties = {"messaging.transport=in-process", "messaging.nats.servers=nats://127.0.0.1:1"})
class WithNatsServerTests {

  @Autowired
  NatsServer server;

  @Test
  void propertiesSayWhereTheServerIs(@Value("${messaging.nats.servers}") String servers,
      @Value("${messaging.transport}") String transport) {
    assertThat(servers).isEqualTo(server.url());
    assertThat(transport).isEqualTo("nats");
  }

  @Test
  void serverRunsBeforeTheFirstBeanIsMade(@Autowired Application application) {
    assertThat(application.serverRan).isTrue();
  }

  @Test
  void stoppedServerMayBeStartedAgain() {
    server.stop();
    server.startAgain();
    assertThat(server.isAlive()).isTrue();
  }

  @Nested
  class NestedTests {

    @Test
    void shareTheServer(@Autowired NatsServer same) {
      assertThat(same).isSameAs(server);
    }
  }

  @Test
  void sameArgumentsShareACachedContextAndOthersDoNot() {
    assertThat(customizer(Plain.class)).isEqualTo(customizer(Inherited.class))
        .hasSameHashCodeAs(customizer(Inherited.class))
        .isNotEqualTo(customizer(WithArguments.class));
    assertThat(customizer(Object.class)).isNull();
  }

  @Test
  void argumentsAreTheServers() {
    try (GenericApplicationContext context = new GenericApplicationContext()) {
      customize(context, WithArguments.class);
      context.refresh();
      assertThat(context.getBean(NatsServer.class).log()).containsPattern("Name: +mine");
    }
  }

  @Test
  void serverIsClosedWithTheContextAfterItsBeans() {
    AtomicBoolean ranUntilBeansWereDestroyed = new AtomicBoolean();
    GenericApplicationContext context = new GenericApplicationContext();
    NatsServer own = customize(context, Plain.class);
    context.registerBean(AutoCloseable.class, () -> () -> ranUntilBeansWereDestroyed.set(own.isAlive()));
    context.refresh();

    context.close();

    assertThat(ranUntilBeansWereDestroyed).isTrue();
    assertThat(own.isAlive()).isFalse();
  }

  @Test
  void serverIsClosedIfTheContextFails() {
    GenericApplicationContext context = new GenericApplicationContext();
    NatsServer own = customize(context, Plain.class);
    context.registerBean(Object.class, () -> {
      throw new UnsupportedOperationException();
    });

    assertThatExceptionOfType(RuntimeException.class).isThrownBy(context::refresh);

    assertThat(own.isAlive()).isFalse();
  }

  private static NatsServer customize(ConfigurableApplicationContext context, Class<?> testClass) {
    customizer(testClass).customizeContext(context, new MergedContextConfiguration(testClass, null, null, null, null));
    return (NatsServer) context.getBeanFactory().getSingleton("natsServer");
  }

  private static ContextCustomizer customizer(Class<?> testClass) {
    return new NatsServerContextCustomizerFactory().createContextCustomizer(testClass, List.of());
  }

  @WithNatsServer
  static class Plain {}

  static class Inherited extends Plain {}

  @WithNatsServer({"--name", "mine"})
  static class WithArguments {}

  @Configuration(proxyBeanMethods = false)
  static class Application {

    boolean serverRan;

    @Autowired
    void server(NatsServer server) {
      serverRan = server.isAlive();
    }
  }
}
