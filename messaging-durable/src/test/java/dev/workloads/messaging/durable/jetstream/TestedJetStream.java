package dev.workloads.messaging.durable.jetstream;

import static org.awaitility.Awaitility.await;

import dev.workloads.messaging.BrokerMessage;
import dev.workloads.messaging.durable.DurableStore;
import dev.workloads.messaging.durable.JobSettings;
import dev.workloads.messaging.durable.TestedStore;
import dev.workloads.messaging.durable.operations.StoreOperations;
import dev.workloads.messaging.nats.NatsTransport;
import dev.workloads.messaging.test.NatsServer;
import io.nats.client.Connection;
import io.nats.client.JetStreamSubscription;
import io.nats.client.Message;
import io.nats.client.Nats;
import io.nats.client.Options;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.extension.AfterAllCallback;
import org.junit.jupiter.api.extension.BeforeAllCallback;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.springframework.util.FileSystemUtils;

/** JetStream on a server of the test class. */
final class TestedJetStream implements TestedStore, BeforeAllCallback, AfterAllCallback {

  private static final String BUCKET = "TASKS";

  private final AtomicInteger limited = new AtomicInteger();
  private Path directory;
  private NatsServer server;
  private NatsTransport transport;

  @Override
  public void beforeAll(ExtensionContext context) throws IOException {
    directory = Files.createTempDirectory("jetstream");
    server = NatsServer.start("-js", "-sd", directory.toString());
    transport = NatsTransport.open(Options.builder().server(server.url()).build(), Duration.ofSeconds(5),
        Duration.ofMillis(500));
    await().until(transport::isReady);
  }

  @Override
  public void afterAll(ExtensionContext context) throws IOException {
    transport.close();
    server.close();
    FileSystemUtils.deleteRecursively(directory);
  }

  @Override
  public JetStreamStore store() {
    return new JetStreamStore(transport, BUCKET, RETENTION, "_INBOX", null);
  }

  @Override
  public StoreOperations operations() {
    return store().operations();
  }

  @Override
  public void provision(JobSettings worker) {
    provision(BUCKET, RETENTION, 1000, worker);
  }

  private void provision(String bucket, Duration retention, long maxJobs, JobSettings worker) {
    JetStreamLimits limits = new JetStreamLimits(retention, maxJobs, 64L << 20, 1);
    await().until(new JetStreamProvisioner(transport, bucket, limits, worker)::provision);
  }

  @Override
  public DurableStore limited(Duration retention, long maxJobs, List<JobSettings> workers) {
    String bucket = BUCKET + limited.incrementAndGet();
    workers.forEach(worker -> provision(bucket, retention, maxJobs, worker));
    return new JetStreamStore(transport, bucket, retention, "_INBOX", null);
  }

  @Override
  public List<BrokerMessage> deadLetters(String group) throws Exception {
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
