package dev.workloads.messaging.autoconfigure;

import static org.assertj.core.api.Assertions.assertThat;

import dev.workloads.messaging.MessagingClient;
import dev.workloads.messaging.nats.NatsTransport;
import dev.workloads.messaging.test.NatsServer;
import io.nats.client.NKey;
import io.nats.client.support.JsonSerializable;
import io.nats.client.support.JwtUtils;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.springframework.boot.autoconfigure.AutoConfigurations;
import org.springframework.boot.autoconfigure.ssl.SslAutoConfiguration;
import org.springframework.boot.health.contributor.Health;
import org.springframework.boot.health.contributor.HealthIndicator;
import org.springframework.boot.health.contributor.Status;
import org.springframework.boot.test.context.runner.ApplicationContextRunner;

/** Logging in to a real server by what the properties name: TLS, mTLS, credentials file, NKey. */
class NatsSecurityTests {

  private static final Duration PATIENCE = Duration.ofSeconds(20);

  @TempDir
  private static Path directory;
  private static Certificate server;
  private static Certificate elsewhere;
  private static Certificate client;
  private static Certificate stranger;

  private final ApplicationContextRunner runner = new ApplicationContextRunner()
      .withConfiguration(AutoConfigurations.of(SslAutoConfiguration.class, MessagingAutoConfiguration.class,
          MessagingHealthAutoConfiguration.class))
      .withPropertyValues("spring.application.name=test", "messaging.nats.connect-timeout=1s");

  @BeforeAll
  static void makeCertificates() throws Exception {
    server = Certificate.of(directory, "server", "ip:127.0.0.1,dns:localhost");
    elsewhere = Certificate.of(directory, "elsewhere", "dns:elsewhere.example.com");
    client = Certificate.of(directory, "client", "dns:client");
    stranger = Certificate.of(directory, "stranger", "ip:127.0.0.1");
  }

  @Test
  void tlsConnectsToAServerWhoseCertificateIsTrusted() throws Exception {
    try (NatsServer nats = start(tls(server))) {
      for (String url : List.of("tls://127.0.0.1:", "nats://127.0.0.1:", "tls://localhost:", "nats://localhost:")) {
        assertConnects(url + nats.port(), trusting(server));
      }
    }
  }

  @Test
  void tlsRefusesAServerWhoseCertificateIsNotTrusted() throws Exception {
    try (NatsServer nats = start(tls(server))) {
      assertFails("tls://127.0.0.1:" + nats.port(), "valid certification path", trusting(stranger));
      assertFails("tls://127.0.0.1:" + nats.port(), "valid certification path"); // what the JVM trusts
    }
  }

  @Test
  void tlsRefusesAServerWithTheCertificateOfAnother() throws Exception {
    try (NatsServer nats = start(tls(elsewhere))) {
      assertFails("tls://127.0.0.1:" + nats.port(), "127.0.0.1", trusting(elsewhere));
      assertFails("nats://localhost:" + nats.port(), "localhost", trusting(elsewhere));
    }
  }

  @Test
  void tlsFollowsTheClusterToAServerThatProvesTheSameName() throws Exception {
    Certificate named = Certificate.of(directory, "named", "dns:localhost");
    int routes = freePort();
    String cluster = tls(named) + ", cluster { name: test, listen: '127.0.0.1:%d', routes: ['nats://127.0.0.1:%d'] }";
    try (NatsServer first = start(cluster.formatted(routes, routes));
        NatsServer second = start(cluster.formatted(freePort(), routes))) {
      with("tls://localhost:" + first.port(), trusting(named)).run(context -> {
        NatsTransport transport = context.getBean(NatsTransport.class);
        await().until(() -> transport.connectionState().isUp() && first.log().contains("Route connection created"));
        first.kill();
        await().untilAsserted(() -> assertThat(transport.connectionState().server()).contains(":" + second.port()));
      });
    }
  }

  @Test
  void tlsRefusesAServerThatOffersNone() throws Exception {
    try (NatsServer nats = NatsServer.start()) {
      assertFails(nats.url(), "SSL connection wanted by client", trusting(server));
      assertFails("tls://127.0.0.1:" + nats.port(), "SSL connection wanted by client");
    }
  }

  @Test
  void plainConnectionToAServerThatRequiresTlsNamesTheCause() throws Exception {
    try (NatsServer nats = start(tls(server))) {
      assertFails(nats.url(), "SSL required by server");
    }
  }

  @Test
  void mutualTlsConnectsWithATrustedCertificateOnly() throws Exception {
    String mutual = "tls { cert_file: '%s', key_file: '%s', ca_file: '%s', verify: true }"
        .formatted(server.certificate(), server.key(), client.certificate());
    try (NatsServer nats = start(mutual)) {
      assertConnects(nats.url(), trusting(server), presenting(client));
      assertFails(nats.url(), "certificate", trusting(server), presenting(stranger));
      assertFails(nats.url(), "certificate", trusting(server));
    }
  }

  @Test
  void credentialsFileLogsIn() throws Exception {
    NKey operator = NKey.createOperator(new SecureRandom());
    NKey account = NKey.createAccount(new SecureRandom());
    NKey signing = NKey.createAccount(new SecureRandom());
    String operatorJwt = jwt(operator, operator, "{\"type\": \"operator\", \"version\": 2}");
    String accountJwt = jwt(operator, account, """
        {"type": "account", "version": 2, "signing_keys": ["%s"], "limits": {"subs": -1, "data": -1, "payload": -1,
         "imports": -1, "exports": -1, "wildcards": true, "conn": -1, "leaf": -1}}""".formatted(publicKey(signing)));
    try (NatsServer nats = start("operator: %s, resolver: MEMORY, resolver_preload: { %s: %s }".formatted(operatorJwt,
        publicKey(account), accountJwt))) {
      assertConnects(nats.url(), "messaging.nats.credentials-file=" + credentials("right", signing, account));
      assertFails(nats.url(), "Authorization Violation",
          "messaging.nats.credentials-file=" + credentials("wrong", NKey.createAccount(new SecureRandom()), account));
      assertFails(nats.url(), "Authorization Violation");
      Path malformed = Files.writeString(directory.resolve("malformed.creds"), "-----BEGIN NATS USER JWT-----\n");
      assertFails(nats.url(), "", "messaging.nats.credentials-file=" + malformed);
    }
  }

  @Test
  void nkeyLogsIn() throws Exception {
    NKey user = NKey.createUser(new SecureRandom());
    Path seed = Files.write(directory.resolve("user.nk"), (new String(user.getSeed()) + "\n").getBytes());
    Path other = Files.writeString(directory.resolve("other.nk"),
        new String(NKey.createUser(new SecureRandom()).getSeed()));
    try (NatsServer nats = start("authorization { users: [ { nkey: " + publicKey(user) + " } ] }")) {
      assertConnects(nats.url(), "messaging.nats.nkey-file=" + seed);
      assertFails(nats.url(), "Authorization Violation", "messaging.nats.nkey-file=" + other);
    }
  }

  @Test
  void nkeyFileWithoutASeedStopsTheStart() throws Exception {
    Path file = Files.writeString(directory.resolve("malformed.nk"), "SUAMALFORMED");
    runner.withPropertyValues("messaging.nats.nkey-file=" + file).run(context -> assertThat(context).getFailure()
        .rootCause().hasMessageContaining("messaging.nats.nkey-file").hasMessageNotContaining("SUAMALFORMED"));
  }

  private static String jwt(NKey issuer, NKey subject, String claims) throws Exception {
    JsonSerializable nats = () -> claims;
    return JwtUtils.issueJWT(issuer, publicKey(subject), "test", null, JwtUtils.currentTimeSeconds(), publicKey(issuer),
        nats);
  }

  private static Path credentials(String name, NKey signing, NKey account) throws Exception {
    NKey user = NKey.createUser(new SecureRandom());
    String jwt = JwtUtils.issueUserJWT(signing, publicKey(account), publicKey(user));
    return Files.writeString(directory.resolve(name + ".creds"),
        JwtUtils.NATS_USER_JWT_FORMAT.formatted(jwt, new String(user.getSeed())));
  }

  private static String publicKey(NKey key) throws Exception {
    return new String(key.getPublicKey());
  }

  private static String tls(Certificate certificate) {
    return "tls { cert_file: '%s', key_file: '%s' }".formatted(certificate.certificate(), certificate.key());
  }

  private static NatsServer start(String configuration) throws Exception {
    Path file = Files.writeString(Files.createTempFile(directory, "nats", ".conf"), configuration);
    return NatsServer.start("-c", file.toString());
  }

  private static String trusting(Certificate certificate) {
    return "spring.ssl.bundle.pem.nats.truststore.certificate=file:" + certificate.certificate();
  }

  private static String presenting(Certificate certificate) {
    return "spring.ssl.bundle.pem.nats.keystore.certificate=file:" + certificate.certificate()
        + "|spring.ssl.bundle.pem.nats.keystore.private-key=file:" + certificate.key();
  }

  private void assertConnects(String url, String... settings) {
    with(url, settings).run(context -> {
      NatsTransport transport = context.getBean(NatsTransport.class);
      await().untilAsserted(() -> assertThat(transport.isReady()).as("%s", transport.connectionState()).isTrue());
      transport.subscribe(List.of("echo"), "group",
          (message, replies) -> replies.send(message.reply(message.body())));
      assertThat(context.getBean(MessagingClient.class).request("echo", new byte[] {1}, PATIENCE).body())
          .containsExactly(1);
    });
  }

  private void assertFails(String url, String cause, String... settings) {
    with(url, settings).run(context -> {
      HealthIndicator indicator = context.getBean("natsHealthIndicator", HealthIndicator.class);
      await().untilAsserted(() -> {
        Health health = indicator.health();
        assertThat(health.getStatus()).isEqualTo(Status.DOWN);
        assertThat(String.valueOf(health.getDetails().get("problem"))).containsIgnoringCase(cause)
            .isNotEqualTo("not connected yet");
      });
      assertThat(context.getBean(NatsTransport.class).isReady()).isFalse();
    });
  }

  private ApplicationContextRunner with(String url, String... settings) {
    List<String> values = new ArrayList<>(List.of("messaging.nats.servers=" + url));
    for (String setting : settings) {
      values.addAll(List.of(setting.split("\\|")));
      if (setting.startsWith("spring.ssl.bundle.pem.nats")) {
        values.add("messaging.nats.ssl.bundle=nats");
      }
    }
    return runner.withPropertyValues(values.toArray(String[]::new));
  }

  private static int freePort() throws IOException {
    try (ServerSocket socket = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
      return socket.getLocalPort();
    }
  }

  private static org.awaitility.core.ConditionFactory await() {
    return Awaitility.await();
  }
}
