package dev.workloads.messaging.autoconfigure;

import static org.assertj.core.api.Assertions.assertThat;

import dev.workloads.messaging.MessagingClient;
import dev.workloads.messaging.nats.NatsTransport;
import dev.workloads.messaging.test.NatsServer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.awaitility.Awaitility;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.springframework.boot.autoconfigure.AutoConfigurations;
import org.springframework.boot.test.context.runner.ApplicationContextRunner;

/** Logs in to real servers with what the properties say; keys and certificates are in {@link NatsSecurityTests}. */
class NatsLoginTests {

  @TempDir
  private Path directory;
  private @Nullable NatsServer server;

  @AfterEach
  void closeServer() {
    if (server != null) {
      server.close();
    }
  }

  @Test
  void userAndPasswordLogIn() throws Exception {
    assertAnswers("authorization { user: user, password: \"p@ss/w:rd\" }",
        "messaging.nats.username=user", "messaging.nats.password=p@ss/w:rd", "messaging.nats.token=");
  }

  @Test
  void tokenLogsIn() throws Exception {
    assertAnswers("authorization { token: t0ken }", "messaging.nats.token=t0ken");
  }

  @Test
  void wrongTokenIsRejected() throws Exception {
    assertIsRefused("authorization { token: t0ken }", "Authorization Violation", "messaging.nats.token=other");
  }

  @Test
  void inboxPrefixFitsThePermissions() throws Exception {
    assertAnswers("""
        authorization { users: [ { user: user, password: secret,
          permissions: { publish: ">", subscribe: ["_INBOX_app.>", "work"] } } ] }
        """, "messaging.nats.username=user", "messaging.nats.password=secret",
        "messaging.nats.inbox-prefix=_INBOX_app");
  }

  private void assertAnswers(String configuration, String... properties) throws Exception {
    runner(configuration, properties).run(context -> {
      NatsTransport transport = context.getBean(NatsTransport.class);
      Awaitility.await().until(transport::isReady);
      transport.subscribe(List.of("work"), "group",
          (message, replies) -> replies.send(message.reply(message.body())));
      assertThat(context.getBean(MessagingClient.class).request("work", new byte[0], Duration.ofSeconds(5)).body())
          .isEmpty();
      assertThat(transport.connectionState().isUp()).isTrue();
    });
  }

  private void assertIsRefused(String configuration, String problem, String... properties) throws Exception {
    runner(configuration, properties).run(context -> {
      NatsTransport transport = context.getBean(NatsTransport.class);
      Awaitility.await().until(() -> !"not connected yet".equals(transport.connectionState().problem()));
      assertThat(transport.connectionState().problem()).contains(problem);
      assertThat(transport.isReady()).isFalse();
    });
  }

  private ApplicationContextRunner runner(String configuration, String... properties) throws Exception {
    server = NatsServer.start("-c", Files.writeString(directory.resolve("nats.conf"), configuration).toString());
    return new ApplicationContextRunner()
        .withConfiguration(AutoConfigurations.of(MessagingAutoConfiguration.class))
        .withPropertyValues("messaging.nats.servers=" + server.url(), "messaging.nats.connect-timeout=1s")
        .withPropertyValues(properties);
  }
}
