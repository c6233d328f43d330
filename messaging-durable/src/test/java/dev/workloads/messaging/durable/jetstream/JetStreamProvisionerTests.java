package dev.workloads.messaging.durable.jetstream;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.awaitility.Awaitility.await;

import dev.workloads.messaging.durable.JobSettings;
import dev.workloads.messaging.durable.ProvisioningException;
import dev.workloads.messaging.nats.NatsTransport;
import dev.workloads.messaging.test.NatsServer;
import io.nats.client.Connection;
import io.nats.client.JetStreamManagement;
import io.nats.client.Nats;
import io.nats.client.Options;
import io.nats.client.Subscription;
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
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.api.parallel.Isolated;
import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;

@ExtendWith(OutputCaptureExtension.class)
@Isolated("It counts what is logged")
class JetStreamProvisionerTests {

  private static final JetStreamLimits LIMITS = new JetStreamLimits(Duration.ofHours(2), 500, 1L << 20, 1);
  private static final JobSettings WORKER = new JobSettings("task-leet", List.of("jobs.default", "jobs.leet"), 4,
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
    await().until(transport::isReady);
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
      StreamConfiguration queue = management.getStreamInfo("JOBS_task-leet").getConfiguration();
      assertThat(queue.getSubjects()).containsExactly("jobs.default", "jobs.leet");
      assertThat(queue.getRetentionPolicy()).isEqualTo(RetentionPolicy.WorkQueue);
      assertThat(queue.getDiscardPolicy()).isEqualTo(DiscardPolicy.New);
      assertThat(queue.getMaxMsgs()).isEqualTo(500);
      assertThat(queue.getMaxBytes()).isEqualTo(1 << 20);
      assertThat(queue.getMaxAge()).isZero();
      ConsumerConfiguration consumer =
          management.getConsumerInfo("JOBS_task-leet", "task-leet").getConsumerConfiguration();
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
  void whatIsThereIsEnlargedAndNothingIsTakenAway(CapturedOutput output) throws Exception {
    provisioner(LIMITS, WORKER).provision();
    JetStreamLimits larger = new JetStreamLimits(Duration.ofHours(3), 600, 2L << 20, 1);
    JetStreamProvisioner newer = provisioner(larger, worker(Duration.ofSeconds(8), "jobs.more", "jobs.leet"));
    assertThat(newer.provision()).as("seen again").isFalse();
    assertThat(newer.provision()).isTrue();
    assertEnlarged();
    assertThat(output.getOut().lines().filter(line -> line.contains("Enlarged the ")).map(line ->
        line.substring(line.indexOf("Enlarged")))).containsExactly(
            "Enlarged the JetStream stream KV_TASKS, which had max_age PT2H where the settings say PT3H, "
                + "max_bytes 1048576 where the settings say 2097152",
            "Enlarged the JetStream stream JOBS_DEAD, which had max_bytes 1048576 where the settings say 2097152",
            "Enlarged the JetStream stream JOBS_task-leet, which had max_bytes 1048576 where the settings say 2097152, "
                + "max_msgs 500 where the settings say 600, "
                + "subjects [\"jobs.default\",\"jobs.leet\"] where the settings say [\"jobs.more\",\"jobs.leet\"]",
            "Enlarged the JetStream consumer task-leet, which had ack_wait PT7S where the settings say PT8S");

    JetStreamProvisioner older = provisioner(LIMITS, WORKER);
    assertThat(older.provision()).isTrue();
    older.requireProvisioned(); // what it does not want is no fault
    assertEnlarged();
    assertThat(output).contains("INFO").contains("The JetStream stream JOBS_task-leet has max_msgs 600 where the settings "
        + "say 500; it is never made smaller").doesNotContain(LEFT);
  }

  private void assertEnlarged() throws Exception {
    try (Connection connection = Nats.connect(server.url())) {
      JetStreamManagement management = connection.jetStreamManagement();
      StreamConfiguration queue = management.getStreamInfo("JOBS_task-leet").getConfiguration();
      assertThat(queue.getSubjects()).containsExactly("jobs.default", "jobs.leet", "jobs.more");
      assertThat(queue.getMaxMsgs()).isEqualTo(600);
      assertThat(queue.getMaxBytes()).isEqualTo(2 << 20);
      assertThat(queue.getRetentionPolicy()).isEqualTo(RetentionPolicy.WorkQueue);
      assertThat(management.getStreamInfo("JOBS_DEAD").getConfiguration().getMaxBytes()).isEqualTo(2 << 20);
      StreamConfiguration bucket = management.getStreamInfo("KV_TASKS").getConfiguration();
      assertThat(bucket.getMaxAge()).isEqualTo(Duration.ofHours(3));
      assertThat(bucket.getMaxBytes()).isEqualTo(2 << 20);
      assertThat(bucket.getAllowDirect()).isTrue();
      ConsumerConfiguration consumer =
          management.getConsumerInfo("JOBS_task-leet", "task-leet").getConsumerConfiguration();
      assertThat(consumer.getAckWait()).isEqualTo(Duration.ofSeconds(8));
      assertThat(consumer.getMaxAckPending()).isEqualTo(-1);
    }
  }

  @Test
  void whatSomebodyElseHasSetStays() throws Exception {
    provisioner(LIMITS, WORKER).provision();
    try (Connection connection = Nats.connect(server.url())) {
      JetStreamManagement management = connection.jetStreamManagement();
      management.updateStream(StreamConfiguration.builder(management.getStreamInfo("JOBS_task-leet").getConfiguration())
          .description("of ours").maximumMessageSize(100_000).build());
      await().until(provisioner(new JetStreamLimits(Duration.ofHours(2), 600, 1L << 20, 1), WORKER)::provision);
      StreamConfiguration queue = management.getStreamInfo("JOBS_task-leet").getConfiguration();
      assertThat(queue.getMaxMsgs()).isEqualTo(600);
      assertThat(queue.getDescription()).isEqualTo("of ours");
      assertThat(queue.getMaximumMessageSize()).isEqualTo(100_000);
    }
  }

  @Test
  void sameSubjectsInAnotherOrderAreNoDifference(CapturedOutput output) throws Exception {
    provisioner(LIMITS, WORKER).provision();
    JetStreamProvisioner other = provisioner(LIMITS, worker(Duration.ofSeconds(7), "jobs.leet", "jobs.default"));
    assertThat(other.provision()).isTrue();
    other.requireProvisioned();
    assertThat(output).doesNotContain("where the settings say");
  }

  @Test
  void twoThatEnlargeAtOnceDoNotUndoEachOther() throws Exception {
    provisioner(LIMITS, WORKER).provision();
    List<JetStreamProvisioner> racing = new ArrayList<>();
    for (int i = 0; i < 8; i++) {
      racing.add(provisioner(LIMITS, worker(Duration.ofSeconds(7), "jobs.default", "jobs.racing" + i)));
    }
    racing.forEach(JetStreamProvisioner::start);
    for (JetStreamProvisioner each : racing) {
      each.requireProvisioned();
      each.stop();
    }
    try (Connection connection = Nats.connect(server.url())) {
      assertThat(connection.jetStreamManagement().getStreamInfo("JOBS_task-leet").getConfiguration().getSubjects())
          .hasSize(2 + 8).contains("jobs.default", "jobs.leet", "jobs.racing0", "jobs.racing7");
    }
  }

  @Test
  void whatCannotBeChangedIsLeftAndEndsAnInitStep(CapturedOutput output) throws Exception {
    try (Connection connection = Nats.connect(server.url())) {
      connection.jetStreamManagement().addStream(StreamConfiguration.builder().name("JOBS_task-leet")
          .subjects("jobs.default", "jobs.leet").maxMessages(500).maxBytes(1 << 20).storageType(StorageType.Memory)
          .build());
    }
    JetStreamProvisioner provisioner = provisioner(LIMITS, WORKER);
    assertThat(provisioner.provision()).as("a worker goes on").isTrue();
    assertThatExceptionOfType(ProvisioningException.class).isThrownBy(provisioner::requireProvisioned)
        .withMessageContaining("stream JOBS_task-leet has storage \"memory\" where the settings say \"file\"; " + LEFT)
        .withMessageContaining("retention \"limits\" where the settings say \"workqueue\"")
        .withMessageContaining("discard \"old\" where the settings say \"new\"");
    provisioner.provision();
    assertThat(output.getOut().split("has storage", -1)).as("said once").hasSize(1 + 1);
  }

  @Test
  void subjectOfAnotherGroupIsRefusedForGood() {
    provisioner(LIMITS, WORKER).provision();
    JetStreamProvisioner thief = provisioner(LIMITS, new JobSettings("thief", List.of("jobs.own", "jobs.leet"), 4,
        Duration.ofSeconds(7), Duration.ofMinutes(1), 3, List.of(Duration.ofSeconds(1)), Duration.ofSeconds(1)));
    assertThat(thief.provision()).isFalse();
    assertThatExceptionOfType(ProvisioningException.class).isThrownBy(thief::requireProvisioned)
        .withMessageContaining("the stream JOBS_thief is refused: subjects overlap with an existing stream (10065). Each "
            + "subject belongs to one group: another stream has one of [jobs.own, jobs.leet]");
  }

  @Test
  void moreThanTheServerHasIsRefusedForGood() {
    JetStreamProvisioner provisioner =
        provisioner(new JetStreamLimits(Duration.ofHours(2), 500, 10L << 40, 1), null);
    assertThat(provisioner.provision()).isFalse();
    assertThatExceptionOfType(ProvisioningException.class).isThrownBy(provisioner::requireProvisioned)
        .withMessageContaining("messaging.durable.max-bytes is more than the server has left");

    assertThat(provisioner(LIMITS, null).provision()).isTrue();
    assertThat(provisioner.provision()).as("an application goes on with what is there").isTrue();
    assertThatExceptionOfType(ProvisioningException.class).isThrownBy(provisioner::requireProvisioned)
        .withMessageContaining("it cannot be enlarged: the stream KV_TASKS is refused: insufficient storage");
  }

  @Test
  void whatIsEmptiedIsPreparedAgainAtOnceButNoMoreThanOnceASecond(CapturedOutput output) throws Exception {
    JetStreamProvisioner provisioner = provisioner(LIMITS, WORKER);
    provisioner.start();
    provisioner.requireProvisioned();
    try (Connection connection = Nats.connect(server.url())) {
      JetStreamManagement management = connection.jetStreamManagement();
      for (String stream : management.getStreamNames()) {
        management.deleteStream(stream);
      }
      Subscription asked = connection.subscribe("$JS.API.STREAM.INFO.KV_TASKS");
      connection.flush(Duration.ofSeconds(5));
      for (int i = 0; i < 1000; i++) {
        provisioner.provisionAgain();
      }
      provisioner.requireProvisioned();
      assertThat(management.getStreamNames()).containsExactlyInAnyOrder("KV_TASKS", "JOBS_DEAD", "JOBS_task-leet");
      assertThat(management.getConsumerNames("JOBS_task-leet")).containsExactly("task-leet");
      for (int i = 0; i < 1000; i++) {
        provisioner.provisionAgain();
      }
      provisioner.requireProvisioned();
      connection.flush(Duration.ofSeconds(5));
      assertThat(asked.getPendingMessageCount()).isLessThanOrEqualTo(3);
    }
    provisioner.stop();
    assertThat(output.getOut().split(CREATED, -1)).hasSize(1 + 4 + 4);
  }

  private static JobSettings worker(Duration lease, String... subjects) {
    return new JobSettings("task-leet", List.of(subjects), 4, lease, Duration.ofMinutes(1), 3,
        List.of(Duration.ofSeconds(1)), Duration.ofSeconds(1));
  }

  @Test
  void idsAreRememberedNoLongerThanEntriesAreKept() throws Exception {
    assertThat(provisioner(new JetStreamLimits(Duration.ofMinutes(1), 500, 1L << 20, 1), WORKER).provision()).isTrue();
    try (Connection connection = Nats.connect(server.url())) {
      for (String stream : List.of("JOBS_task-leet", "JOBS_DEAD", "KV_TASKS")) {
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
      management.deleteConsumer("JOBS_task-leet", "task-leet");
      management.addOrUpdateConsumer("JOBS_task-leet", ConsumerConfiguration.builder().durable("task-leet")
          .ackPolicy(AckPolicy.Explicit).filterSubject("jobs.leet").build());
    }
    assertThat(provisioner(LIMITS, WORKER).provision()).isTrue();
    assertThat(output)
        .contains("The JetStream consumer task-leet has filter_subject \"jobs.leet\" where the settings say \"\"; " + LEFT);
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
        "JetStream cannot be prepared for durable tasks now. The next try is in a second: JetStream does not answer STREAM.INFO.KV_TASKS"));
    server.kill();
    switchOn();
    server.startAgain();
    await().until(() -> output.getOut().contains(CREATED + "consumer task-leet"));
    await().until(() -> provisioner.problem() == null);
    provisioner.stop();
  }

  private JetStreamProvisioner provisioner(JetStreamLimits limits, JobSettings worker) {
    return new JetStreamProvisioner(transport, "TASKS", limits, worker);
  }
}
