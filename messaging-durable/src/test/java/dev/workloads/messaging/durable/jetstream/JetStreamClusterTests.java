package dev.workloads.messaging.durable.jetstream;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import dev.workloads.messaging.BrokerException;
import dev.workloads.messaging.durable.DurableTasks;
import dev.workloads.messaging.durable.JobListenerContainer;
import dev.workloads.messaging.durable.JobMetrics;
import dev.workloads.messaging.durable.JobSettings;
import dev.workloads.messaging.durable.TaskState;
import dev.workloads.messaging.durable.TaskStatus;
import dev.workloads.messaging.nats.NatsTransport;
import dev.workloads.messaging.test.NatsServer;
import io.nats.client.Connection;
import io.nats.client.JetStreamApiException;
import io.nats.client.Nats;
import io.nats.client.Options;
import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.UnaryOperator;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.MethodOrderer;
import org.junit.jupiter.api.Order;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestMethodOrder;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** Three servers, each of which keeps everything. */
@Timeout(120)
@TestMethodOrder(MethodOrderer.OrderAnnotation.class) // a server leaves in the last one
class JetStreamClusterTests {

  private static final int SIZE = 3;
  private static final Duration TIMEOUT = Duration.ofSeconds(5);
  private static final Duration LEASE = Duration.ofSeconds(60);
  private static final JetStreamLimits LIMITS = new JetStreamLimits(Duration.ofHours(1), 10_000, 64L << 20, SIZE);
  private static final JobSettings WORKER = new JobSettings("group", List.of("jobs.worker"), 4, LEASE,
      Duration.ofMinutes(5), 3, List.of(Duration.ofSeconds(1)), Duration.ofSeconds(10));

  private static final List<NatsServer> NODES = new ArrayList<>();
  private static final List<NatsTransport> TRANSPORTS = new ArrayList<>();
  private static final List<DurableTasks> CLIENTS = new ArrayList<>();

  @BeforeAll
  static void startCluster(@TempDir Path directory) throws IOException {
    List<Integer> ports = new ArrayList<>();
    for (int i = 0; i < SIZE; i++) {
      try (ServerSocket free = new ServerSocket(0, 1, InetAddress.getLoopbackAddress())) {
        ports.add(free.getLocalPort());
      }
    }
    String routes = ports.stream().map(port -> "nats://127.0.0.1:" + port).collect(Collectors.joining(", "));
    for (int i = 0; i < SIZE; i++) {
      Path configuration = Files.writeString(directory.resolve("node" + i + ".conf"), """
          server_name: node%d
          jetstream { store_dir: "%s" }
          cluster { name: test, listen: "127.0.0.1:%d", routes: [%s] }
          lame_duck_grace_period: 1s, lame_duck_duration: 30s
          """.formatted(i, directory.resolve("store" + i), ports.get(i), routes));
      NODES.add(NatsServer.start("-c", configuration.toString()));
    }
    for (NatsServer node : NODES) {
      NatsTransport transport =
          NatsTransport.open(Options.builder().server(node.url()).build(), TIMEOUT, Duration.ofMillis(200));
      await().until(transport::isReady);
      TRANSPORTS.add(transport);
      CLIENTS.add(new DurableTasks(new JetStreamStore(transport, "TASKS", LIMITS.retention(), "_INBOX", null),
          Duration.ofMillis(100), UnaryOperator.identity()));
    }
    JetStreamProvisioner provisioner = new JetStreamProvisioner(TRANSPORTS.get(0), "TASKS", LIMITS, WORKER);
    await().until(provisioner::provision);
  }

  @AfterAll
  static void stopCluster() {
    CLIENTS.forEach(DurableTasks::close);
    TRANSPORTS.forEach(NatsTransport::close);
    NODES.forEach(NatsServer::close);
  }

  @Test
  @Order(1)
  void everyServerKeepsEverything() throws Exception {
    try (Connection connection = Nats.connect(NODES.get(0).url())) {
      for (String stream : List.of("KV_TASKS", "JOBS_group", "JOBS_DEAD")) {
        assertThat(connection.jetStreamManagement().getStreamInfo(stream).getConfiguration().getReplicas()).isEqualTo(SIZE);
      }
    }
  }

  @Test
  @Order(1)
  void whatIsAcceptedIsFoundThroughEachServerAtOnce() {
    for (int i = 0; i < 300; i++) {
      TaskStatus submitted = CLIENTS.get(i % SIZE).submit("worker", new byte[0], null, TIMEOUT);
      for (DurableTasks client : CLIENTS) {
        assertThat(client.find(submitted.id(), TIMEOUT)).isNotNull();
      }
      assertThat(CLIENTS.get(0).cancel(submitted.id(), TIMEOUT)).extracting(TaskStatus::state)
          .isEqualTo(TaskState.CANCELLED);
    }
  }

  @Test
  @Order(2)
  void clientsOfAllServersWithOneKeyMakeOneTask() throws Exception {
    int clients = 60;
    ExecutorService threads = Executors.newFixedThreadPool(clients);
    try (Connection connection = Nats.connect(NODES.get(0).url())) {
      for (int round = 0; round < 5; round++) {
        String key = "one key " + round;
        long before = waitingJobs(connection);
        List<Future<TaskStatus>> submissions = new ArrayList<>();
        for (int i = 0; i < clients; i++) {
          DurableTasks client = CLIENTS.get(i % SIZE);
          submissions.add(threads.submit(() -> client.submit("worker", new byte[0], key, TIMEOUT)));
        }
        Set<String> ids = new HashSet<>();
        for (Future<TaskStatus> submission : submissions) {
          ids.add(submission.get().id());
        }
        assertThat(ids).hasSize(1);
        assertThat(waitingJobs(connection)).isEqualTo(before + 1);
      }
    } finally {
      threads.shutdownNow();
    }
  }

  private static long waitingJobs(Connection connection) {
    return await().ignoreExceptionsInstanceOf(JetStreamApiException.class).until(() ->
        connection.jetStreamManagement().getStreamInfo("JOBS_group").getStreamState().getMsgCount(), count -> true);
  }

  @Test
  @Order(3)
  void workerThatLeavesAServerLosesNoJobOnTheWay() throws Exception {
    JetStreamStore store = new JetStreamStore(TRANSPORTS.get(0), "TASKS", LIMITS.retention(), "_INBOX", null);
    Queue<JobMetrics.Outcome> outcomes = new ConcurrentLinkedQueue<>();
    JobMetrics metrics = new JobMetrics() {

      @Override
      public void ended(Outcome outcome) {
        outcomes.add(outcome);
      }
    };
    JobListenerContainer worker = new JobListenerContainer(store, WORKER,
        Map.of("jobs.worker", (job, progress) -> job.reply("done")), Thread::new, metrics);
    worker.start();
    DurableTasks client = CLIENTS.get(1);
    List<String> ids = new ArrayList<>();
    try {
      haveAnotherLeadTheConsumer("node0"); // which may take along what it was just about to hand out
      submit(client, ids, 200);
      NODES.get(0).signal("USR2");
      while (NODES.get(0).isAlive()) { // some seconds
        submit(client, ids, 20);
      }
      submit(client, ids, 20);
      long begin = System.nanoTime();
      for (String id : ids) {
        // A job that was handed out to nobody would come again when its lease has ended
        TaskStatus done = await().ignoreExceptionsInstanceOf(BrokerException.class)
            .until(() -> client.find(id, TIMEOUT), status -> status.state().isFinished());
        assertThat(done.state()).isEqualTo(TaskState.SUCCEEDED);
        assertThat(done.attempts()).isEqualTo(1);
      }
      // A job that comes over both servers is taken once
      assertThat(outcomes).containsOnly(JobMetrics.Outcome.SUCCEEDED);
      long millis = (System.nanoTime() - begin) / 1_000_000;
      System.out.printf("Lame duck of the worker's server: %d tasks, each done with one attempt, the last one %d ms "
          + "after its submission%n", ids.size(), millis);
      assertThat(millis).as("a pull that a leader takes along is asked anew after three seconds").isLessThan(15_000);
    } finally {
      worker.stop();
    }
  }

  private static void haveAnotherLeadTheConsumer(String leaving) throws Exception {
    try (Connection connection = Nats.connect(NODES.get(1).url())) {
      await().pollInterval(Duration.ofSeconds(1)).ignoreExceptionsInstanceOf(JetStreamApiException.class).until(() -> {
        String leader =
            connection.jetStreamManagement().getConsumerInfo("JOBS_group", "group").getClusterInfo().getLeader();
        if (leaving.equals(leader)) {
          connection.publish("$JS.API.CONSUMER.LEADER.STEPDOWN.JOBS_group.group", new byte[0]);
        }
        return leader != null && !leaving.equals(leader);
      });
    }
  }

  private static void submit(DurableTasks client, List<String> ids, int count) {
    for (int i = 0; i < count; i++) {
      String key = "task " + ids.size();
      // A leader may move as well
      ids.add(await().ignoreExceptionsInstanceOf(BrokerException.class)
          .until(() -> client.submit("worker", new byte[0], key, TIMEOUT), status -> true).id());
    }
  }
}
