package dev.workloads.messaging.nats;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.awaitility.Awaitility.await;

import dev.workloads.messaging.BrokerException;
import dev.workloads.messaging.BrokerException.Reason;
import dev.workloads.messaging.BrokerMessage;
import dev.workloads.messaging.MessageTransport.SubscribeOptions;
import dev.workloads.messaging.test.NatsServer;
import dev.workloads.messaging.testing.Stopwatch;
import io.nats.client.Connection;
import io.nats.client.Nats;
import io.nats.client.Options;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;

/** What happens when the server refuses a login or a subscription. */
@ExtendWith(OutputCaptureExtension.class)
class NatsTransportSecurityTests {

  private static final String PERMISSIONS = """
      authorization { users: [ { user: user, password: secret, permissions: {
        publish: ">", subscribe: ["_INBOX.>", "allowed.>"] } } ] }
      """;
  private static final Duration PATIENCE = Duration.ofSeconds(5);
  private static final byte[] EMPTY = {};

  private final List<AutoCloseable> open = new ArrayList<>();
  @TempDir
  private Path directory;

  @AfterEach
  void closeAll() throws Exception {
    for (AutoCloseable closeable : open) {
      closeable.close();
    }
  }

  @Test
  void rejectedLoginIsTriedAgainUntilItIsAccepted(CapturedOutput output) {
    NatsServer server = server(login("other"));
    NatsTransport transport = transport(server.url(), options -> options.userInfo("user", "secret"));
    echo(transport, "a");
    await().until(() -> attempts(server) >= 3);
    assertThat(transport.isReady()).isFalse();
    assertThat(transport.connectionState().problem()).containsIgnoringCase("authorization violation");
    reload(server, login("secret"));
    await().until(transport::isReady);
    assertThat(transport.connectionState().isUp()).isTrue();
    assertEchoes(transport, "a");
    assertThat(output.getOut().split("Cannot connect to NATS", -1)).hasSize(2);
  }

  @Test
  void loginRejectedWhileReconnectingIsTriedAgainToo() {
    NatsServer server = server(login("secret"));
    NatsTransport transport = transport(server.url(), options -> options.userInfo("user", "secret"));
    await().until(transport::isReady);
    echo(transport, "a");
    reload(server, login("other"));
    // jnats closes a connection for good after the second rejection
    await().until(() -> attempts(server) >= 4);
    assertThat(transport.connectionState().isUp()).isFalse();
    assertThat(transport.connectionState().problem()).containsIgnoringCase("authorization violation");
    reload(server, login("secret"));
    await().until(() -> transport.connectionState().isUp() && transport.isReady());
    assertEchoes(transport, "a");
  }

  @Test
  void credentialsAreNeitherShownNorLogged(CapturedOutput output) {
    NatsServer server = server(login("secret"));
    String url = "nats://user:secret@127.0.0.1:" + server.port();
    NatsTransport transport = transport(url, options -> options);
    await().until(transport::isReady);
    assertThat(transport.connectionState().server()).isEqualTo(server.url());
    reload(server, login("changed"));
    await().until(() -> attempts(server) >= 4);
    assertThat(transport.connectionState().toString()).doesNotContain("secret", "user");
    server.kill();
    await().until(() -> !transport.connectionState().isUp());
    assertThat(transport.connectionState().toString()).doesNotContain("secret", "user");

    NatsTransport late = transport(url, options -> options);
    await().until(() -> String.valueOf(late.connectionState().problem()).contains("127.0.0.1"));
    assertThat(late.connectionState().toString()).doesNotContain("secret", "user");
    assertThat(output.getAll()).contains("Cannot connect to NATS").doesNotContain("secret");
  }

  @Test
  void refusedSubscriptionIsReported() {
    NatsServer server = server(PERMISSIONS);
    NatsTransport transport = transport(server.url(), options -> options.userInfo("user", "secret"));
    await().until(transport::isReady);
    echo(transport, "allowed.a");
    assertEchoes(transport, "allowed.a");
    assertThat(transport.isReady()).isTrue();
    assertThat(transport.connectionState().isUp()).isTrue();

    echo(transport, "denied.a");
    await().until(() -> !transport.isReady());
    assertThat(transport.connectionState().isUp()).isFalse();
    assertThat(transport.connectionState().problem())
        .containsIgnoringCase("permissions violation").contains("denied.a");
    assertEchoes(transport, "allowed.a");
  }

  @Test
  void subscriptionRefusedAtTheStartIsReportedBeforeReadiness() {
    NatsServer server = server(PERMISSIONS);
    server.kill();
    NatsTransport transport = transport(server.url(), options -> options.userInfo("user", "secret"));
    echo(transport, "denied.a");
    server.startAgain();
    await().until(() -> {
      assertThat(transport.isReady()).isFalse();
      return String.valueOf(transport.connectionState().problem()).contains("denied.a");
    });
    assertThat(transport.isReady()).isFalse();
  }

  @Test
  void refusalIsForgottenOnceTheServerAllowsTheSubscription() {
    NatsServer server = server(PERMISSIONS);
    NatsTransport transport = transport(server.url(), options -> options.userInfo("user", "secret"));
    echo(transport, "denied.a");
    await().until(() -> String.valueOf(transport.connectionState().problem()).contains("denied.a"));
    server.kill();
    configure(login("secret"));
    server.startAgain();
    await().until(() -> transport.isReady() && transport.connectionState().isUp());
    assertEchoes(transport, "denied.a");
  }

  @Test
  void permissionThatIsGrantedLaterIsUsedSoon(CapturedOutput output) {
    NatsServer server = server(PERMISSIONS);
    NatsTransport worker = transport(server.url(), options -> options.userInfo("user", "secret"));
    echo(worker, "denied.a");
    echo(worker, "allowed.a");
    await().until(() -> String.valueOf(worker.connectionState().problem()).contains("denied.a"));
    reload(server, PERMISSIONS.replace("allowed.>", ">"));
    await().until(() -> worker.isReady() && worker.connectionState().isUp());
    assertEchoes(worker, "denied.a");
    assertThat(output.getOut()).containsOnlyOnce("NATS refused a subscription");
  }

  @Test
  void requesterThatMayReceiveRepliesLaterReceivesThem() {
    NatsServer server = server(PERMISSIONS.replace("_INBOX.>", "work"));
    NatsTransport transport = transport(server.url(), options -> options.userInfo("user", "secret"));
    echo(transport, "work");
    await().until(transport::isReady);
    assertThatExceptionOfType(BrokerException.class).isThrownBy(() ->
        transport.request(new BrokerMessage("work", EMPTY), Duration.ofMillis(100)));
    assertThat(transport.isReady()).isFalse();
    String refusal = transport.connectionState().problem();
    await().until(() -> !transport.connectionState().problem().equals(refusal)); // of another inbox, which was tried
    assertThat(transport.isReady()).isFalse();
    reload(server, PERMISSIONS.replace("allowed.>", ">"));
    await().until(() -> transport.isReady() && transport.connectionState().isUp());
    assertEchoes(transport, "work");
  }

  @Test
  void requestThatMayNotBeSentFailsAtOnceAndIsLoggedAFewTimesOnly(CapturedOutput output) {
    NatsServer server = server(PERMISSIONS.replace("publish: \">\"", "publish: \"allowed.a\""));
    NatsTransport transport = transport(server.url(), options -> options.userInfo("user", "secret"));
    await().until(transport::isReady);
    Stopwatch watch = Stopwatch.start();
    for (int i = 0; i < 50; i++) {
      assertThatExceptionOfType(BrokerException.class)
          .isThrownBy(() -> transport.request(new BrokerMessage("denied.a", EMPTY), PATIENCE))
          .extracting(BrokerException::reason).isEqualTo(Reason.BROKER_UNAVAILABLE);
    }
    watch.assertLessThan(PATIENCE);
    assertThat(output.getOut().split("NATS reported an error", -1)).hasSizeBetween(2, 7);
    assertThat(transport.isReady()).isTrue();
    reload(server, PERMISSIONS);
    echo(transport, "allowed.b");
    await().ignoreExceptionsInstanceOf(BrokerException.class).untilAsserted(() -> assertEchoes(transport, "allowed.b"));
  }

  @Test
  void workThatIsRefusedForItsNumberIsNotReady() {
    NatsServer server = server("max_subscriptions: 2");
    NatsTransport transport = transport(server.url(), options -> options);
    await().until(transport::isReady);
    List.of("a", "b", "c").forEach(subject -> echo(transport, subject));
    assertThat(transport.isReady()).isFalse();
    assertThat(transport.connectionState().isUp()).isFalse();
    assertThat(transport.connectionState().problem()).containsIgnoringCase("maximum subscriptions exceeded");
  }

  @Test
  void applicationThatDoesWithoutWhatIsRefusedIsReady(CapturedOutput output) {
    NatsServer server = server(PERMISSIONS.replace("allowed.>", "allowed.a"));
    NatsTransport transport = transport(server.url(), options -> options.userInfo("user", "secret"));
    await().until(transport::isReady);
    unneeded(transport, "denied.*", "denied.>");
    echo(transport, "allowed.a");
    for (int i = 0; i < 2; i++) {
      await().ignoreExceptionsInstanceOf(BrokerException.class).untilAsserted(() -> assertEchoes(transport, "allowed.a"));
      assertThat(transport.isReady()).isTrue();
      assertThat(transport.connectionState().isUp()).isTrue();
      server.kill();
      await().until(() -> !transport.connectionState().isUp());
      server.startAgain();
    }
    await().until(() -> transport.isReady() && transport.connectionState().isUp());
    assertThat(output.getOut().lines().filter(line -> line.contains("denied."))).singleElement().asString()
        .containsIgnoringCase("NATS refused a subscription: Permissions Violation for Subscription to \"denied.")
        .endsWith(". Without it things take longer. Give this user the right to subscribe; it is used from the next "
            + "connection on");

    echo(transport, "denied.*"); // now it is needed as well
    assertThat(transport.isReady()).isFalse();
    assertThat(transport.connectionState().problem()).contains("denied.*");
  }

  private static void unneeded(NatsTransport transport, String... subjects) {
    transport.subscribe(List.of(subjects), "others", new SubscribeOptions(false, "things take longer"),
        (message, replies) -> { });
  }

  @Test
  void whatIsNeededComesFirstWhereTheNumberOfSubscriptionsIsLimited() {
    NatsServer server = server("max_subscriptions: 3");
    NatsTransport transport = transport(server.url(), options -> options);
    NatsTransport requester = transport(server.url(), options -> options);
    unneeded(transport, "c", "d", "e");
    unneeded(transport, "f", "g");
    List.of("a", "b").forEach(subject -> echo(transport, subject));
    for (int i = 0; i < 3; i++) {
      await().until(() -> transport.isReady() && transport.connectionState().isUp());
      await().until(requester::isReady);
      // After a restart of the server jnats subscribes again in no particular order, until a new connection has it right
      await().ignoreExceptionsInstanceOf(BrokerException.class).untilAsserted(() -> {
        assertEchoes(requester, "a");
        assertEchoes(requester, "b");
        assertThat(transport.isReady() && transport.connectionState().isUp()).isTrue();
      });
      server.kill();
      await().until(() -> !transport.connectionState().isUp() && !requester.connectionState().isUp());
      server.startAgain();
    }
  }

  @Test
  void serverThatIsFullIsNamedAsTheCauseOnce(CapturedOutput output) throws Exception {
    NatsServer server = server("max_connections: 1");
    // The server may still count the connection by which the fixture saw that it greets
    try (Connection first = await().ignoreExceptionsInstanceOf(IOException.class)
        .until(() -> Nats.connect(server.url()), Objects::nonNull)) {
      NatsTransport transport = transport(server.url(), options -> options);
      await().until(() -> server.log().split("maximum connections exceeded", -1).length > 5);
      await().until(() -> transport.connectionState().problem().contains("maximum connections exceeded"));
      // They do not arrive each time: the first attempt may have gone without
      assertThat(output.getOut().lines().filter(line -> line.contains("maximum connections exceeded"))).hasSize(1);
      first.close();
      await().until(transport::isReady);
    }
  }

  @Test
  void unknownHostIsNamedAsTheCauseOnce(CapturedOutput output) {
    NatsTransport transport = transport("nats://nowhere.invalid:4222", options -> options);
    await().until(() -> !"not connected yet".equals(transport.connectionState().problem()));
    assertThat(transport.connectionState().problem()).contains("nowhere.invalid").containsIgnoringCase("unknown host");
    assertThat(output.getOut().split("Cannot connect to NATS", -1)).hasSize(2);
  }

  private static String login(String password) {
    return "authorization { user: user, password: " + password + " }";
  }

  private static int attempts(NatsServer server) {
    return server.log().split("authentication error", -1).length - 1;
  }

  private NatsServer server(String configuration) {
    return open(NatsServer.start("-c", configure(configuration).toString()));
  }

  private void reload(NatsServer server, String configuration) {
    configure(configuration);
    server.signal("HUP");
  }

  private Path configure(String configuration) {
    try {
      return Files.writeString(directory.resolve("nats.conf"), configuration);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private NatsTransport transport(String url, UnaryOperator<Options.Builder> options) {
    // A rejected attempt ends long before the connect timeout, or the tests fail
    return open(NatsTransport.open(options.apply(Options.builder().server(url)
        .connectionTimeout(Duration.ofMinutes(1))).build(), Duration.ofSeconds(60),
        Duration.ofMillis(50)));
  }

  private <T extends AutoCloseable> T open(T closeable) {
    open.add(0, closeable); // transports close before their servers
    return closeable;
  }

  private static void echo(NatsTransport transport, String subject) {
    transport.subscribe(List.of(subject), "group", (message, replies) -> replies.send(message.reply(message.body())));
  }

  private static void assertEchoes(NatsTransport transport, String subject) {
    assertThat(transport.request(new BrokerMessage(subject, EMPTY), PATIENCE).body()).isEmpty();
  }
}
