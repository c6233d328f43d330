package dev.workloads.messaging.test;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.ConnectException;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class NatsServerTests {

  @Test
  void startedServerSpeaksNats() throws IOException {
    try (NatsServer server = NatsServer.start(); Client client = new Client(server)) {
      assertThat(server.url()).isEqualTo("nats://127.0.0.1:" + server.port());
      assertThat(client.readLine()).startsWith("INFO {");
      assertThat(client.ping()).isEqualTo("PONG");
    }
  }

  @Test
  void killedServerRefusesConnectionsUntilItStartsAgainOnTheSamePort() throws IOException {
    try (NatsServer server = NatsServer.start()) {
      int port = server.port();
      server.kill();
      assertThat(server.isAlive()).isFalse();
      assertThatExceptionOfType(ConnectException.class).isThrownBy(() -> new Client(server));

      server.startAgain();
      assertThat(server.port()).isEqualTo(port);
      try (Client client = new Client(server)) {
        assertThat(client.readLine()).startsWith("INFO {");
      }
    }
  }

  @Test
  void stoppedServerStartsAgainAndKeepsItsLog() {
    try (NatsServer server = NatsServer.start()) {
      server.stop();
      assertThat(server.isAlive()).isFalse();
      assertThat(server.log()).contains("Server Exiting");
      server.startAgain();
      assertThat(server.isAlive()).isTrue();
      assertThat(server.log().split("Server is ready")).hasSizeGreaterThan(2);
    }
  }

  @Test
  void suspendedServerAnswersOnceItIsResumed() throws IOException {
    try (NatsServer server = NatsServer.start(); Client client = new Client(server)) {
      client.readLine();
      server.suspend();
      assertThatExceptionOfType(SocketTimeoutException.class).isThrownBy(client::ping);
      assertThat(server.isAlive()).isTrue();
      server.resume();
      assertThat(client.readLine()).isEqualTo("PONG");
    }
  }

  @Test
  void hangUpReloadsTheConfigurationAndKeepsThePort(@TempDir Path directory) throws IOException {
    Path configuration = Files.writeString(directory.resolve("nats.conf"), "max_payload: 1000");
    try (NatsServer server = NatsServer.start("-c", configuration.toString())) {
      Files.writeString(configuration, "max_payload: 2000");
      server.signal("HUP");
      Awaitility.await().atMost(Duration.ofSeconds(5)).until(() -> server.log().contains("Reloaded server config"));
      try (Client client = new Client(server)) {
        assertThat(client.readLine()).contains("\"max_payload\":2000");
      }
    }
  }

  @Test
  void serverOnATakenPortTellsItsLog() {
    try (NatsServer server = NatsServer.start()) {
      assertThatIllegalStateException().isThrownBy(() -> NatsServer.start(server.port()))
          .withMessageContaining("address already in use");
    }
  }

  @Test
  void serverThatRefusesItsArgumentsTellsItsLog() {
    assertThatIllegalStateException().isThrownBy(() -> NatsServer.start("--no-such-option"))
        .withMessageContaining("flag provided but not defined: -no-such-option");
  }

  @Test
  void closedServerMayBeClosedAgain() {
    NatsServer server = NatsServer.start();
    server.close();
    server.close();
    assertThat(server.isAlive()).isFalse();
  }

  private static final class Client implements AutoCloseable {

    private final Socket socket;
    private final BufferedReader reader;

    Client(NatsServer server) throws IOException {
      socket = new Socket("127.0.0.1", server.port());
      socket.setSoTimeout(500);
      reader = new BufferedReader(new InputStreamReader(socket.getInputStream(), StandardCharsets.UTF_8));
    }

    String readLine() throws IOException {
      return reader.readLine();
    }

    String ping() throws IOException {
      socket.getOutputStream().write("PING\r\n".getBytes(StandardCharsets.US_ASCII));
      return readLine();
    }

    @Override
    public void close() throws IOException {
      socket.close();
    }
  }
}
