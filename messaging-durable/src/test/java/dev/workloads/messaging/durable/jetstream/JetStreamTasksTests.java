package dev.workloads.messaging.durable.jetstream;

import static org.awaitility.Awaitility.await;

import dev.workloads.messaging.BrokerMessage;
import dev.workloads.messaging.durable.DurableStore;
import dev.workloads.messaging.durable.DurableTasksContractTests;
import dev.workloads.messaging.durable.JobSettings;
import dev.workloads.messaging.nats.NatsTransport;
import dev.workloads.messaging.test.NatsServer;
import io.nats.client.Connection;
import io.nats.client.JetStreamSubscription;
import io.nats.client.Message;
import io.nats.client.Nats;
import io.nats.client.Options;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.io.TempDir;

class JetStreamTasksTests extends DurableTasksContractTests {

  private static final JetStreamLimits LIMITS = new JetStreamLimits(RETENTION, 1000, 64L << 20, 1);
  @TempDir
  private static Path directory;
  private static NatsServer server;
  private static NatsTransport transport;

  @BeforeAll
  static void startServer() {
    server = NatsServer.start("-js", "-sd", directory.toString());
    transport = NatsTransport.open(Options.builder().server(server.url()).build(), Duration.ofSeconds(5),
        Duration.ofMillis(500));
    await().pollInterval(Duration.ofMillis(5)).until(transport::isReady);
  }

  @AfterAll
  static void stopServer() {
    transport.close();
    server.close();
  }

  @Override
  protected DurableStore store() {
    return new JetStreamStore(transport, "TASKS", "_INBOX", null);
  }

  @Override
  protected void provision(JobSettings settings) {
    JetStreamProvisioner provisioner = new JetStreamProvisioner(transport, "TASKS", LIMITS, settings);
    await().until(provisioner::provision);
  }

  @Override
  protected List<BrokerMessage> deadLetters(String group) throws Exception {
    List<BrokerMessage> letters = new ArrayList<>();
    try (Connection connection = Nats.connect(server.url())) {
      JetStreamSubscription subscription = connection.jetStream().subscribe("jobs-dead." + group);
      for (Message letter = subscription.nextMessage(500); letter != null; letter = subscription.nextMessage(100)) {
        Map<String, List<String>> headers = new HashMap<>();
        letter.getHeaders().forEach(headers::put);
        letters.add(new BrokerMessage(letter.getSubject(), letter.getData(), null, headers));
      }
    }
    return letters;
  }
}
