package dev.workloads.messaging.durable.jetstream;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.workloads.messaging.durable.JobSettings;
import dev.workloads.messaging.nats.NatsTransport;
import dev.workloads.messaging.test.NatsServer;
import io.nats.client.Connection;
import io.nats.client.JetStreamManagement;
import io.nats.client.Nats;
import io.nats.client.Options;
import io.nats.client.api.AckPolicy;
import io.nats.client.api.ConsumerConfiguration;
import io.nats.client.api.DiscardPolicy;
import io.nats.client.api.KeyValueStatus;
import io.nats.client.api.RetentionPolicy;
import io.nats.client.api.StorageType;
import io.nats.client.api.StreamConfiguration;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Isolated;
import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;

@Timeout(60)
@ExtendWith(OutputCaptureExtension.class)
@Isolated("It counts what is logged")
class JetStreamProvisionerTests {

  private static final JetStreamLimits LIMITS = new JetStreamLimits(Duration.ofHours(2), 500, 1L << 20, 1);
  private static final JobSettings WORKER = new JobSettings("task.leet", List.of("jobs.default", "jobs.leet"), 4,
      Duration.ofSeconds(7), Duration.ofMinutes(1), 3, List.of(Duration.ofSeconds(1)), Duration.ofSeconds(1));
  private static final String CREATED = "Created the JetStream ";
  private static final String LEFT = "it is left as it is";

  @TempDir
  private Path directory;
  private Path configuration;
  private NatsServer server;
  private NatsTransport transport;

  @BeforeEach
  void start() throws Exception {
    configuration = directory.resolve("nats.conf");
    switchOn();
    server = NatsServer.start("-c", configuration.toString());
    transport = NatsTransport.open(Options.builder().server(server.url()).build(), Duration.ofSeconds(5),
        Duration.ofMillis(100));
    await().pollInterval(Duration.ofMillis(5)).until(transport::isReady);
  }

  private void switchOn() throws Exception {
    Files.writeString(configuration, "jetstream { store_dir: \"" + directory.resolve("store") + "\" }");
  }

  @AfterEach
  void stop() {
    transport.close();
    server.close();
  }

  @Test
  void whatIsMissingIsCreated(CapturedOutput output) throws Exception {
    assertThat(provisioner(LIMITS, WORKER).provision()).isTrue();
    try (Connection connection = Nats.connect(server.url())) {
      JetStreamManagement management = connection.jetStreamManagement();
      StreamConfiguration queue = management.getStreamInfo("JOBS_task_leet").getConfiguration();
      assertThat(queue.getSubjects()).containsExactly("jobs.default", "jobs.leet");
      assertThat(queue.getRetentionPolicy()).isEqualTo(RetentionPolicy.WorkQueue);
      assertThat(queue.getDiscardPolicy()).isEqualTo(DiscardPolicy.New);
      assertThat(queue.getMaxMsgs()).isEqualTo(500);
      assertThat(queue.getMaxBytes()).isEqualTo(1 << 20);
      assertThat(queue.getMaxAge()).isZero();
      ConsumerConfiguration consumer =
          management.getConsumerInfo("JOBS_task_leet", "task_leet").getConsumerConfiguration();
      assertThat(consumer.getAckPolicy()).isEqualTo(AckPolicy.Explicit);
      assertThat(consumer.getAckWait()).isEqualTo(Duration.ofSeconds(7));
      assertThat(consumer.getMaxDeliver()).isEqualTo(-1);
      assertThat(consumer.getMaxAckPending()).isEqualTo(-1);
      assertThat(consumer.getFilterSubject()).isNull();
      StreamConfiguration dead = management.getStreamInfo("JOBS_DEAD").getConfiguration();
      assertThat(dead.getSubjects()).containsExactly("jobs-dead.>");
      assertThat(dead.getRetentionPolicy()).isEqualTo(RetentionPolicy.Limits);
      assertThat(dead.getDiscardPolicy()).isEqualTo(DiscardPolicy.Old);
      assertThat(dead.getMaxAge()).isZero();
      KeyValueStatus bucket = connection.keyValueManagement().getStatus("TASKS");
      assertThat(bucket.getMaxHistoryPerKey()).isEqualTo(1);
      assertThat(bucket.getTtl()).isEqualTo(Duration.ofHours(2));
      StreamConfiguration backing = bucket.getBackingStreamInfo().getConfiguration();
      assertThat(backing.getAllowDirect()).isTrue();
      assertThat(backing.getDiscardPolicy()).isEqualTo(DiscardPolicy.New);
      assertThat(List.of(queue, dead, backing)).allSatisfy(stream -> {
        assertThat(stream.getStorageType()).isEqualTo(StorageType.File);
        assertThat(stream.getMaxBytes()).isEqualTo(1 << 20);
        assertThat(stream.getDuplicateWindow()).isEqualTo(Duration.ofMinutes(2));
      });
    }
    assertThat(output.getOut().split(CREATED, -1)).hasSize(1 + 4);
  }

  @Test
  void whatIsThereIsLeftAndWhatDiffersIsSaid(CapturedOutput output) throws Exception {
    provisioner(LIMITS, WORKER).provision();
    assertThat(provisioner(LIMITS, WORKER).provision()).isTrue();
    assertThat(output.getOut()).doesNotContain(LEFT);

    JobSettings others = new JobSettings("task.leet", List.of("jobs.leet"), 4, Duration.ofSeconds(8),
        Duration.ofMinutes(1), 3, List.of(Duration.ofSeconds(1)), Duration.ofSeconds(1));
    assertThat(provisioner(new JetStreamLimits(Duration.ofHours(3), 600, 1L << 20, 1), others).provision()).isTrue();
    assertThat(output.getOut().lines().filter(line -> line.contains(LEFT)).map(line ->
        line.substring(line.indexOf("The JetStream ")))).containsExactlyInAnyOrder(
            "The JetStream stream KV_TASKS has max_age 7200000000000 where the settings say 10800000000000; " + LEFT,
            "The JetStream stream JOBS_task_leet has subjects [\"jobs.default\",\"jobs.leet\"] where the settings say "
                + "[\"jobs.leet\"]; " + LEFT,
            "The JetStream stream JOBS_task_leet has max_msgs 500 where the settings say 600; " + LEFT,
            "The JetStream consumer task_leet has ack_wait 7000000000 where the settings say 8000000000; " + LEFT);
    try (Connection connection = Nats.connect(server.url())) {
      assertThat(connection.jetStreamManagement().getStreamInfo("JOBS_task_leet").getConfiguration().getMaxMsgs())
          .isEqualTo(500);
    }
  }

  @Test
  void idsAreRememberedNoLongerThanEntriesAreKept() throws Exception {
    assertThat(provisioner(new JetStreamLimits(Duration.ofMinutes(1), 500, 1L << 20, 1), WORKER).provision()).isTrue();
    try (Connection connection = Nats.connect(server.url())) {
      for (String stream : List.of("JOBS_task_leet", "JOBS_DEAD", "KV_TASKS")) {
        assertThat(connection.jetStreamManagement().getStreamInfo(stream).getConfiguration().getDuplicateWindow())
            .isEqualTo(Duration.ofMinutes(1));
      }
    }
  }

  @Test
  void consumerThatLeavesOutSubjectsIsTold(CapturedOutput output) throws Exception {
    provisioner(LIMITS, WORKER).provision();
    try (Connection connection = Nats.connect(server.url())) {
      JetStreamManagement management = connection.jetStreamManagement();
      management.deleteConsumer("JOBS_task_leet", "task_leet");
      management.addOrUpdateConsumer("JOBS_task_leet", ConsumerConfiguration.builder().durable("task_leet")
          .ackPolicy(AckPolicy.Explicit).filterSubject("jobs.leet").build());
    }
    assertThat(provisioner(LIMITS, WORKER).provision()).isTrue();
    assertThat(output)
        .contains("The JetStream consumer task_leet has filter_subject \"jobs.leet\" where the settings say \"\"; " + LEFT);
  }

  @Test
  void whatIsSwitchedOffIsSaidAsWell(CapturedOutput output) throws Exception {
    try (Connection connection = Nats.connect(server.url())) {
      connection.jetStreamManagement().addStream(StreamConfiguration.builder().name("KV_TASKS").subjects("$KV.TASKS.>")
          .maxMessagesPerSubject(1).discardPolicy(DiscardPolicy.New).maxAge(LIMITS.retention()).maxBytes(1 << 20)
          .allowRollup(true).denyDelete(true).build());
    }
    assertThat(provisioner(LIMITS, null).provision()).isTrue();
    assertThat(output.getOut().lines().filter(line -> line.contains(LEFT))).singleElement().asString()
        .contains("The JetStream stream KV_TASKS has allow_direct false where the settings say true; " + LEFT);
  }

  @Test
  void submitterCreatesTheBucketAlone() throws Exception {
    assertThat(provisioner(LIMITS, null).provision()).isTrue();
    try (Connection connection = Nats.connect(server.url())) {
      assertThat(connection.jetStreamManagement().getStreamNames()).containsExactly("KV_TASKS");
    }
  }

  @Test
  void itTriesOnUntilJetStreamIsThere(CapturedOutput output) throws Exception {
    server.kill();
    Files.writeString(configuration, "");
    server.startAgain();
    JetStreamProvisioner provisioner = provisioner(LIMITS, WORKER);
    provisioner.start();
    await().until(() -> output.getOut().contains(
        "Cannot prepare JetStream for durable tasks, trying on: JetStream does not answer STREAM.INFO.KV_TASKS"));
    server.kill();
    switchOn();
    server.startAgain();
    await().until(() -> output.getOut().contains(CREATED + "consumer task_leet"));
    await().until(() -> provisioner.problem() == null);
    provisioner.stop();
  }

  private JetStreamProvisioner provisioner(JetStreamLimits limits, JobSettings worker) {
    return new JetStreamProvisioner(transport, "TASKS", limits, worker);
  }
}
