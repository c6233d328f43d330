package dev.workloads.messaging.autoconfigure;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;

import dev.workloads.messaging.MessagingClient;
import dev.workloads.messaging.nats.NatsTransport;
import dev.workloads.messaging.testing.NatsServer;
import io.nats.client.NKey;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyStore;
import java.time.Duration;
import java.util.Base64;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.awaitility.Awaitility;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.springframework.boot.autoconfigure.AutoConfigurations;
import org.springframework.boot.autoconfigure.ssl.SslAutoConfiguration;
import org.springframework.boot.test.context.runner.ApplicationContextRunner;

/** Connects to real servers with what the properties say. */
class NatsLoginTests {

  private static final String STORE_PASSWORD = "changeit";

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
        "messaging.nats.username=user", "messaging.nats.password=p@ss/w:rd");
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
  void nkeyLogsIn() throws Exception {
    NKey key = NKey.createUser(null);
    Path seed = Files.writeString(directory.resolve("user.nk"), new String(key.getSeed()) + "\n");
    assertAnswers("authorization { users: [ { nkey: " + new String(key.getPublicKey()) + " } ] }",
        "messaging.nats.nkey-file=" + seed);
  }

  @Test
  void inboxPrefixFitsThePermissions() throws Exception {
    assertAnswers("""
        authorization { users: [ { user: user, password: secret,
          permissions: { publish: ">", subscribe: ["_INBOX_app.>", "work"] } } ] }
        """, "messaging.nats.username=user", "messaging.nats.password=secret",
        "messaging.nats.inbox-prefix=_INBOX_app");
  }

  @Test
  void sslBundleTrustsAndIdentifies() throws Exception {
    String mutualTls = serverCertificate() + "verify: true }";
    assertAnswers(mutualTls, "messaging.nats.ssl.bundle=nats", store("truststore"), storePassword("truststore"),
        store("keystore"), storePassword("keystore"));
  }

  @Test
  void serverBeyondTheBundlesTrustIsRefused() throws Exception {
    assertIsRefused(serverCertificate() + "}", "Unable to connect", "messaging.nats.ssl.bundle=nats",
        "spring.ssl.bundle.jks.nats.protocol=TLS");
  }

  @Test
  void clientWithoutACertificateIsRefusedByMutualTls() throws Exception {
    assertIsRefused(serverCertificate() + "verify: true }", "", "messaging.nats.ssl.bundle=nats",
        store("truststore"), storePassword("truststore"));
  }

  private void assertAnswers(String configuration, String... properties) throws Exception {
    runner(configuration, properties).run(context -> {
      NatsTransport transport = context.getBean(NatsTransport.class);
      Awaitility.await().until(transport::isReady);
      transport.subscribe(List.of("work"), "group", message -> transport.publish(message.reply(message.body())));
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
        .withConfiguration(AutoConfigurations.of(SslAutoConfiguration.class, MessagingAutoConfiguration.class))
        .withPropertyValues("messaging.nats.servers=" + server.url(), "messaging.nats.connect-timeout=1s")
        .withPropertyValues(properties);
  }

  private String store(String kind) {
    return "spring.ssl.bundle.jks.nats." + kind + ".location=file:" + directory.resolve("store.p12");
  }

  private static String storePassword(String kind) {
    return "spring.ssl.bundle.jks.nats." + kind + ".password=" + STORE_PASSWORD;
  }

  /** Makes a certificate for server, client and authority in one; returns the beginning of the server's TLS block. */
  private String serverCertificate() throws Exception {
    Path file = directory.resolve("store.p12");
    Process keytool = new ProcessBuilder(Path.of(System.getProperty("java.home"), "bin", "keytool").toString(),
        "-genkeypair", "-alias", "nats", "-keyalg", "EC", "-dname", "CN=localhost", "-ext",
        "san=ip:127.0.0.1,dns:localhost", "-validity", "2", "-storetype", "PKCS12", "-keystore", file.toString(),
        "-storepass", STORE_PASSWORD).redirectErrorStream(true).start();
    assertThat(keytool.waitFor(30, TimeUnit.SECONDS)).isTrue();
    KeyStore store = KeyStore.getInstance("PKCS12");
    try (InputStream content = Files.newInputStream(file)) {
      store.load(content, STORE_PASSWORD.toCharArray());
    }
    Path certificate = pem("CERTIFICATE", store.getCertificate("nats").getEncoded());
    Path key = pem("PRIVATE KEY", store.getKey("nats", STORE_PASSWORD.toCharArray()).getEncoded());
    return "tls { cert_file: \"" + certificate + "\", key_file: \"" + key + "\", ca_file: \"" + certificate + "\", ";
  }

  private Path pem(String kind, byte[] content) throws Exception {
    String text = Base64.getMimeEncoder(64, "\n".getBytes(US_ASCII)).encodeToString(content);
    return Files.writeString(directory.resolve(kind.replace(' ', '-') + ".pem"),
        "-----BEGIN " + kind + "-----\n" + text + "\n-----END " + kind + "-----\n");
  }
}
