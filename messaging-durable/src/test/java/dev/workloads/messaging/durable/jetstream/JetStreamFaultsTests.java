package dev.workloads.messaging.durable.jetstream;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assumptions.assumeThat;
import static org.awaitility.Awaitility.await;

import dev.workloads.messaging.BrokerException;
import dev.workloads.messaging.BrokerException.Reason;
import dev.workloads.messaging.BrokerMessage;
import dev.workloads.messaging.BrokerMessageHandler;
import dev.workloads.messaging.ErrorReply;
import dev.workloads.messaging.MessageRejectedException;
import dev.workloads.messaging.MessageTransport;
import dev.workloads.messaging.durable.DurableTasks;
import dev.workloads.messaging.durable.JobListenerContainer;
import dev.workloads.messaging.durable.JobMetrics;
import dev.workloads.messaging.durable.JobSettings;
import dev.workloads.messaging.durable.StaleRevisionException;
import dev.workloads.messaging.durable.TaskState;
import dev.workloads.messaging.durable.TaskStatus;
import dev.workloads.messaging.nats.NatsTransport;
import dev.workloads.messaging.test.NatsServer;
import dev.workloads.messaging.testing.Stopwatch;
import io.nats.client.Connection;
import io.nats.client.JetStreamApiException;
import io.nats.client.JetStreamManagement;
import io.nats.client.KeyValue;
import io.nats.client.Nats;
import io.nats.client.Options;
import io.nats.client.PurgeOptions;
import io.nats.client.api.MessageInfo;
import io.nats.client.api.StreamConfiguration;
import io.nats.client.impl.Headers;
import io.nats.client.impl.NatsMessage;
import java.io.IOException;
import java.net.ServerSocket;
import java.net.Socket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;
import tools.jackson.core.type.TypeReference;
import tools.jackson.databind.json.JsonMapper;

/** What is full, missing, too slow or restarted. */
@ExtendWith(OutputCaptureExtension.class)
class JetStreamFaultsTests {

  private static final String BUCKET = "TASKS";
  private static final String UNKNOWN = "A".repeat(22);
  private static final Duration TIMEOUT = Duration.ofSeconds(5);
  private static final Duration AT_ONCE = TIMEOUT.minusSeconds(1); // on a machine that is busy with others
  private static final Duration PATIENCE = Duration.ofSeconds(30);
  private static final JetStreamLimits ROOMY = new JetStreamLimits(Duration.ofHours(1), 1000, 64L << 20, 1);

  @TempDir
  private Path directory;
  private final List<JobListenerContainer> containers = new ArrayList<>();
  private NatsServer server;
  private NatsTransport transport;
  private JetStreamStore store;
  private DurableTasks tasks;

  @BeforeEach
  void start() {
    connect("-js", "-sd", directory.toString());
  }

  private void connect(String... arguments) {
    server = NatsServer.start(arguments);
    transport = NatsTransport.open(Options.builder().server(server.url()).userInfo("app", "secret").build(), TIMEOUT,
        Duration.ofMillis(200));
    await().until(transport::isReady);
    store = new JetStreamStore(transport, BUCKET, ROOMY.retention(), "_INBOX", null);
    tasks = new DurableTasks(store, Duration.ofMillis(100), UnaryOperator.identity());
  }

  @AfterEach
  void stop() {
    containers.forEach(JobListenerContainer::stop);
    tasks.close();
    transport.close();
    server.close();
  }

  @Test
  void fullQueueTakesNoMoreAndLeavesNothing() throws Exception {
    provision(new JetStreamLimits(Duration.ofHours(1), 2, 64L << 20, 1), settings());
    List<String> ids = List.of(submit(null).id(), submit(null).id());
    assertFails(Reason.OVERLOADED, () -> submit(null));
    assertFails(Reason.OVERLOADED, () -> submit("a key"));
    try (Connection connection = Nats.connect(server.url())) {
      assertThat(connection.keyValue(BUCKET).keys()).containsExactlyInAnyOrderElementsOf(ids);
    }
    start(settings(), message -> message.reply("done"));
    for (String id : ids) {
      assertThat(finished(id).state()).isEqualTo(TaskState.SUCCEEDED);
    }
    await().until(() -> Objects.requireNonNull(containers.get(0).backlog(TIMEOUT)).jobs() == 0);
    assertThat(finished(submit("a key").id()).state()).isEqualTo(TaskState.SUCCEEDED);
  }

  @Test
  void resultWaitsForRoomInAFullBucketAndNothingNewIsBegun(CapturedOutput output) throws Exception {
    assumeThat(isOldServer()).as("nats-server 2.9, which may drop the oldest entry of a full bucket").isFalse();
    provision(new JetStreamLimits(Duration.ofHours(1), 1000, 256 << 10, 1), settings());
    CountDownLatch end = new CountDownLatch(1);
    AtomicInteger begun = new AtomicInteger();
    start(settings(), message -> {
      begun.incrementAndGet();
      end.await();
      return message.reply("done");
    });
    String running = submit(null).id();
    await().until(() -> begun.get() == 1);
    assertFails(Reason.OVERLOADED, this::fillBucket);
    assertFails(Reason.OVERLOADED, () -> submit(null));
    end.countDown();
    await().until(() -> output.getOut().contains(
        "An attempt cannot be recorded now. This worker takes no more jobs until it is: there is no room"));
    assertThat(state(running)).isEqualTo(TaskState.RUNNING);

    purge("$KV.TASKS.filler.>");
    TaskStatus done = finished(running);
    assertThat(done.state()).isEqualTo(TaskState.SUCCEEDED);
    assertThat(done.attempts()).isEqualTo(1);
    assertThat(finished(submit(null).id()).state()).isEqualTo(TaskState.SUCCEEDED);
  }

  private void fillBucket() {
    for (int size = 16 << 10; size > 0; size /= 2) {
      for (int i = 0; i < 1000; i++) {
        try {
          store.put("filler." + size + "." + i, new byte[size], null, TIMEOUT);
        } catch (BrokerException e) {
          if (size == 1) {
            throw e;
          }
          break;
        }
      }
    }
  }

  private void purge(String subject) throws Exception {
    try (Connection connection = Nats.connect(server.url())) {
      connection.jetStreamManagement().purgeStream("KV_" + BUCKET, PurgeOptions.subject(subject));
    }
  }

  @Test
  void missingBucketIsToldAtOnce() throws Exception {
    if (!isOldServer()) { // which does not answer
      assertUnavailable(() -> tasks.find(UNKNOWN, TIMEOUT), "the bucket TASKS");
    }
    for (Runnable call : List.<Runnable>of(() -> submit(null), () -> submit("key"), () -> tasks.cancel(UNKNOWN, TIMEOUT))) {
      assertUnavailable(call, "the bucket TASKS");
    }
  }

  private boolean isOldServer() throws Exception {
    try (Connection connection = Nats.connect(server.url())) {
      return connection.getServerInfo().isOlderThanVersion("2.10.0");
    }
  }

  @Test
  void jetStreamThatIsOffIsToldAtOnce(CapturedOutput output) {
    stop();
    connect();
    assertUnavailable("the bucket TASKS is not there, or JetStream is off", "JetStream does not answer");
    JobListenerContainer container = start(settings(), message -> null);
    await().until(() -> container.problem() != null);
    assertThat(container.problem()).contains("JetStream is off");
    assertThat(output).contains("No durable tasks are taken now. The worker asks again every second: the stream JOBS_group or its consumer group");
    JetStreamProvisioner provisioner = new JetStreamProvisioner(transport, BUCKET, ROOMY, settings());
    assertThat(provisioner.provision()).isFalse();
    assertThat(provisioner.problem()).startsWith("JetStream does not answer");
  }

  @Test
  void missingRightsAreToldAtOnce(CapturedOutput output) throws Exception {
    stop();
    connect("-c", Files.writeString(directory.resolve("nats.conf"), """
        jetstream { store_dir: "%s" }
        authorization { users: [ { user: app, password: secret, permissions: {
          publish: { deny: ["$KV.>", "$JS.API.DIRECT.GET.>", "$JS.API.STREAM.MSG.GET.>", "$JS.API.CONSUMER.MSG.NEXT.>"] } } } ] }
        """.formatted(directory)).toString());
    provision(ROOMY, settings());
    assertUnavailable("the message broker does not let messages be sent to $");
    JobListenerContainer container = start(settings(), message -> null);
    await().until(() -> container.problem() != null);
    assertThat(container.problem()).isEqualTo("the consumer group of the stream JOBS_group does not answer");
    assertThat(output).contains("No durable tasks are taken now. The worker asks again every second: the consumer group");
  }

  @ParameterizedTest
  @ValueSource(strings = {"\"$KV.>\"", "\"jobs-dead.>\"", "\"$JS.API.DIRECT.GET.>\", \"$JS.API.STREAM.MSG.GET.>\""})
  void workerThatMayNotRecordSaysSo(String denied) throws Exception {
    stop();
    connect("-c", Files.writeString(directory.resolve("nats.conf"), """
        jetstream { store_dir: "%s" }
        authorization { users: [ { user: other, password: secret },
          { user: app, password: secret, permissions: { publish: { deny: [%s] } } } ] }
        """.formatted(directory, denied)).toString());
    provision(ROOMY, settings());
    try (NatsTransport others = NatsTransport.open(Options.builder().server(server.url()).userInfo("other", "secret").build(),
        TIMEOUT, Duration.ofMillis(200));
        DurableTasks client = new DurableTasks(new JetStreamStore(others, BUCKET, ROOMY.retention(), "_INBOX", null),
            Duration.ofSeconds(2), UnaryOperator.identity())) {
      await().until(others::isReady);
      String id = client.submit("worker", new byte[10], null, TIMEOUT).id();
      JobListenerContainer container = start(new JobSettings("group", List.of("jobs.worker"), 4, Duration.ofSeconds(30),
          Duration.ofMinutes(1), 1, List.of(Duration.ofMillis(100)), Duration.ofMillis(100)), message -> {
            throw new IllegalStateException("as the test wants");
          });
      await().until(() -> container.problem() != null);
      assertThat(container.problem()).contains("task " + id, " cannot be recorded since ",
          "the message broker does not let messages be sent to ");
    }
  }

  private void assertUnavailable(String... messages) {
    for (Runnable call : List.<Runnable>of(() -> tasks.find(UNKNOWN, TIMEOUT), () -> submit(null), () -> submit("key"),
        () -> tasks.cancel(UNKNOWN, TIMEOUT))) {
      assertUnavailable(call, messages);
    }
  }

  private static void assertUnavailable(Runnable call, String... messages) {
    Stopwatch watch = Stopwatch.start();
    assertThatExceptionOfType(BrokerException.class).isThrownBy(call::run)
        .satisfies(e -> assertThat(e.reason()).isEqualTo(Reason.BROKER_UNAVAILABLE))
        .satisfies(e -> assertThat(messages).anySatisfy(message -> assertThat(e).hasMessageContaining(message)));
    watch.assertLessThan(AT_ONCE);
  }

  @Test
  void refusedStreamIsToldAsTheWorkersProblem() throws Exception {
    stop();
    connect("-c", Files.writeString(directory.resolve("nats.conf"), """
        jetstream { store_dir: "%s" }
        authorization { users: [
          { user: app, password: secret, permissions: { publish: { deny: "$JS.API.STREAM.CREATE.JOBS_group" } } } ] }
        """.formatted(directory)).toString());
    JetStreamProvisioner provisioner = new JetStreamProvisioner(transport, BUCKET, ROOMY, settings());
    provisioner.start();
    store = new JetStreamStore(transport, BUCKET, ROOMY.retention(), "_INBOX", provisioner);
    JobListenerContainer container = start(settings(), message -> null);
    await().until(() -> container.problem() != null);
    provisioner.stop();
    assertThat(container.problem()).startsWith("the stream JOBS_group is not prepared yet: the message broker does not let "
        + "messages be sent to $JS.API.STREAM.CREATE.JOBS_group");
  }

  @Test
  void workerGoesOnOnceItsConsumerIsThere() throws Exception {
    provision(ROOMY, settings());
    try (Connection connection = Nats.connect(server.url())) {
      deleteConsumer(connection.jetStreamManagement());
    }
    JobListenerContainer container = start(settings(), message -> message.reply("done"));
    await().until(() -> container.problem() != null);
    assertThat(container.problem()).isIn("the stream JOBS_group or its consumer group is not there, or " + JetStreamApi.OFF,
        "the consumer group of the stream JOBS_group does not answer"); // so nats-server 2.9
    String id = submit(null).id();
    provision(ROOMY, settings());
    assertThat(finished(id).attempts()).isEqualTo(1);
    await().until(() -> container.problem() == null);
  }

  @Test
  void storeThatWasEmptiedIsPreparedAgainByWhoeverFindsOut() throws Exception {
    JetStreamProvisioner ofWorker = new JetStreamProvisioner(transport, BUCKET, ROOMY, settings());
    JetStreamProvisioner ofClient = new JetStreamProvisioner(transport, BUCKET, ROOMY, null);
    List.of(ofWorker, ofClient).forEach(JetStreamProvisioner::start);
    store = new JetStreamStore(transport, BUCKET, ROOMY.retention(), "_INBOX", ofWorker);
    start(settings(), message -> message.reply("done"));
    tasks = new DurableTasks(new JetStreamStore(transport, BUCKET, ROOMY.retention(), "_INBOX", ofClient),
        Duration.ofMillis(100), UnaryOperator.identity());
    await().ignoreExceptionsInstanceOf(BrokerException.class).until(() -> finished(submit(null).id()) != null);

    try (Connection connection = Nats.connect(server.url())) {
      for (String stream : connection.jetStreamManagement().getStreamNames()) {
        connection.jetStreamManagement().deleteStream(stream);
      }
      await().ignoreExceptionsInstanceOf(BrokerException.class)
          .until(() -> finished(submit(null).id()).state() == TaskState.SUCCEEDED);

      connection.jetStreamManagement().deleteStream("JOBS_DEAD");
      assertFails(Reason.NO_RESPONDERS, () -> store.append(new BrokerMessage("jobs-dead.group", new byte[0]), "x", TIMEOUT));
      await().until(() -> connection.jetStreamManagement().getStreamNames().contains("JOBS_DEAD"));

      deleteConsumer(connection.jetStreamManagement());
      await().ignoreExceptionsInstanceOf(BrokerException.class)
          .until(() -> finished(submit(null).id()).state() == TaskState.SUCCEEDED);
    }
    List.of(ofWorker, ofClient).forEach(JetStreamProvisioner::stop);
  }

  /** Deletes it; older servers do so too, but report files that they were just writing (nats-server pull request 7886). */
  private static void deleteConsumer(JetStreamManagement management) throws IOException, JetStreamApiException {
    try {
      management.deleteConsumer("JOBS_group", "group");
    } catch (JetStreamApiException e) {
      assertThat(e).hasMessageContaining("directory not empty");
    }
  }

  @Test
  void submissionThatASuspendedServerDoesNotAnswerIsDoneOnceItIsRepeated() throws Exception {
    provision(ROOMY, settings());
    server.suspend();
    Stopwatch watch = Stopwatch.start();
    assertFails(Reason.TIMEOUT, () -> tasks.submit("worker", new byte[10], "a key", Duration.ofSeconds(1)));
    watch.assertLessThan(Duration.ofSeconds(2));
    server.resume();
    AtomicInteger runs = new AtomicInteger();
    start(settings(), message -> message.reply("run " + runs.incrementAndGet()));
    TaskStatus done = finished(submit("a key").id());
    assertThat(done.state()).isEqualTo(TaskState.SUCCEEDED);
    assertThat(done.attempts()).isEqualTo(1);
    assertThat(runs).hasValue(1);
  }

  @Test
  void keyWhoseEntryWasDeletedByHandIsFree() throws Exception {
    provision(ROOMY, settings());
    String id = submit("a key").id();
    try (Connection connection = Nats.connect(server.url())) {
      connection.keyValue(BUCKET).delete(id);
    }
    assertThat(tasks.find(id, TIMEOUT)).isNull();
    start(settings(), message -> message.reply(message.body()));
    assertThat(tasks.submit("worker", "another".getBytes(UTF_8), "a key", TIMEOUT).id()).isEqualTo(id);
    TaskStatus done = finished(id);
    assertThat(Objects.requireNonNull(tasks.result(done, TIMEOUT)).body()).asString(UTF_8).isEqualTo("another");
  }

  @ParameterizedTest
  @ValueSource(strings = {"KV-Operation: DEL", "KV-Operation: PURGE", "Nats-Marker-Reason: MaxAge"})
  void markerIsNoEntryAndItsKeyIsFree(String header) throws Exception {
    provision(ROOMY, settings());
    JetStreamStore silent = new JetStreamStore(new LosesAnswers("jobs."), BUCKET, ROOMY.retention(), "_INBOX", null);
    assertFails(Reason.TIMEOUT, () -> new DurableTasks(silent, Duration.ZERO, UnaryOperator.identity())
        .submit("worker", new byte[10], "a key", TIMEOUT));
    String id;
    try (Connection connection = Nats.connect(server.url())) {
      id = connection.keyValue(BUCKET).keys().get(0);
      String[] nameAndValue = header.split(": ");
      connection.jetStream().publish("$KV.TASKS." + id, new Headers().add(nameAndValue[0], nameAndValue[1]), new byte[0]);
    }
    for (boolean latest : List.of(false, true)) {
      assertThat(store.read(id, latest, TIMEOUT)).isNull();
    }
    assertThat(tasks.cancel(id, TIMEOUT)).isNull();
    assertThat(submit("a key").id()).isEqualTo(id);
    assertThat(state(id)).isEqualTo(TaskState.QUEUED);
  }

  @Test
  void entryThatCannotBeReadIsToldOnce(CapturedOutput output) {
    provision(ROOMY, settings());
    String id = submit(null).id();
    store.put(id, "[]".getBytes(UTF_8), null, TIMEOUT);
    for (int i = 0; i < 3; i++) {
      assertThat(tasks.find(id, TIMEOUT)).isNull();
      assertThat(tasks.cancel(id, TIMEOUT)).isNull();
    }
    assertThat(output.getAll().lines().filter(line -> line.contains("cannot be read"))).singleElement().asString()
        .endsWith("Clients are told that there is no such task, since the entry of task " + id
            + " cannot be read: somebody else has written it. Delete it");
    assertThat(output).doesNotContain("\tat ");
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "hello", "{\"width\": 3}", "{\"error\": \"x\"}", "{\"stream\":\"\",\"seq\":1}",
      "{\"stream\":\"x\",\"seq\":0}", "{\"stream\":\"x\",\"seq\":\"1\"}", "{\"stream\":\"x\",\"seq\":1e999}",
      "{\"stream\":\"x", "{\"error\":{\"code\":400}}", "{\"error\":{\"err_code\":\"10071\"}}"})
  void whatAnswersAndIsNoStreamLeavesTheOutcomeUnknown(String answer) {
    assertThat(new JetStreamProvisioner(transport, BUCKET, ROOMY, null).provision()).isTrue();
    AtomicInteger jobs = new AtomicInteger();
    transport.subscribe(List.of("jobs.worker"), null, (message, replies) -> {
      jobs.incrementAndGet();
      replies.send(message.reply(answer));
    });
    assertFails(Reason.TIMEOUT, () -> tasks.submit("worker", new byte[10], "a key", Duration.ofMillis(500)));
    assertThat(jobs).hasValue(1);
  }

  @Test
  void acknowledgementOfAStreamIsFoundBesideOtherAnswers() {
    provision(ROOMY, settings());
    transport.subscribe(List.of("jobs.worker"), null, (message, replies) -> replies.send(message.reply("{\"width\": 3}")));
    for (int i = 0; i < 20; i++) {
      assertThat(submit(null).state()).isEqualTo(TaskState.QUEUED);
    }
  }

  @Test
  void errorReplyOfAListenerLeavesTheOutcomeUnknown() {
    assertThat(new JetStreamProvisioner(transport, BUCKET, ROOMY, null).provision()).isTrue();
    transport.subscribe(List.of("jobs.worker"), null,
        (message, replies) -> replies.send(new BrokerMessage(Objects.requireNonNull(message.replyTo()), new byte[0], null,
            new ErrorReply(400, "no").toMessage().headers())));
    assertFails(Reason.TIMEOUT, () -> tasks.submit("worker", new byte[10], null, Duration.ofMillis(500)));
  }

  @Test
  void missingBucketIsToldSoonAlsoWhereItsChangesAreWatched() throws Exception {
    provision(ROOMY, settings());
    TaskStatus queued = submit("key");
    tasks.await(queued, status -> false, Duration.ofMillis(1), TIMEOUT); // from then on it is subscribed to its changes
    try (Connection connection = Nats.connect(server.url())) {
      connection.keyValueManagement().delete(BUCKET);
    }
    assertUnavailable("the bucket TASKS is not there");
    assertUnavailable(() -> store.put("x", new byte[0], null, TIMEOUT), "the bucket TASKS is not there");
    assertUnavailable(() -> store.delete("x", 1, TIMEOUT), "the bucket TASKS is not there");
    provision(ROOMY, settings());
    assertThat(submit("key").state()).isEqualTo(TaskState.QUEUED);
  }

  @Test
  void writeWhoseAnswerIsLostIsFoundAgainAndNobodyElses() {
    provision(ROOMY, settings());
    LosesAnswers losing = new LosesAnswers("$KV.");
    JetStreamStore lossy = new JetStreamStore(losing, BUCKET, ROOMY.retention(), "_INBOX", null);
    long first = lossy.compareAndSet("x", new byte[1], 0, TIMEOUT);
    assertThat(Objects.requireNonNull(store.read("x", true, TIMEOUT)).revision()).isEqualTo(first);
    losing.beforeLoss = () -> store.compareAndSet("y", new byte[1], 0, TIMEOUT);
    assertThatExceptionOfType(StaleRevisionException.class).isThrownBy(
        () -> lossy.compareAndSet("y", new byte[1], 0, TIMEOUT)); // the same bytes
    losing.beforeLoss = () -> { };
    lossy.put("z", new byte[1], null, TIMEOUT);
    lossy.delete("x", first, TIMEOUT);
    assertThat(store.read("x", true, TIMEOUT)).isNull();
  }

  @Test
  void copyOfAJobThatAClusterIsAboutToKeepIsPublishedAgain() throws Exception {
    provision(ROOMY, settings());
    AtomicInteger asked = new AtomicInteger();
    JetStreamStore early = new JetStreamStore(new LosesAnswers("nothing") {
      @Override
      public BrokerMessage request(BrokerMessage message, Duration timeout) {
        BrokerMessage answer = super.request(message, timeout);
        return message.subject().equals("jobs.worker") && asked.incrementAndGet() == 1
            ? BrokerMessage.of("answer", "{\"stream\":\"JOBS_group\", \"seq\":0,\"duplicate\": true}") : answer;
      }
    }, BUCKET, ROOMY.retention(), "_INBOX", null);
    TaskStatus submitted = new DurableTasks(early, Duration.ofSeconds(2), UnaryOperator.identity())
        .submit("worker", new byte[1], "a key", TIMEOUT);
    assertThat(asked).hasValue(2);
    start(settings(), message -> message.reply("done"));
    assertThat(finished(submitted.id()).attempts()).isEqualTo(1);
  }

  /** Keeps each answer to a request on some subjects to itself. */
  private class LosesAnswers implements MessageTransport {

    private final String subjects;
    private volatile Runnable beforeLoss = () -> { };

    LosesAnswers(String subjects) {
      this.subjects = subjects;
    }

    @Override
    public void publish(BrokerMessage message) {
      transport.publish(message);
    }

    @Override
    public BrokerMessage request(BrokerMessage message, Duration timeout) {
      boolean loses = message.subject().startsWith(subjects);
      if (loses) {
        beforeLoss.run();
      }
      BrokerMessage answer = transport.request(message, timeout);
      if (loses) {
        throw new BrokerException(Reason.TIMEOUT, "as the test wants");
      }
      return answer;
    }

    @Override
    public Subscription subscribe(List<String> patterns, String group, SubscribeOptions options, Receiver receiver) {
      return transport.subscribe(patterns, group, options, receiver);
    }

    @Override
    public boolean isReady() {
      return transport.isReady();
    }

    @Override
    public void close() {}
  }

  @Test
  void bucketWithoutDirectGetsIsReadFromItsLeader() throws Exception {
    provision(ROOMY, settings());
    String id = submit("key").id();
    change("KV_TASKS", configuration -> configuration.allowDirect(false));
    Stopwatch watch = Stopwatch.start();
    for (int i = 0; i < 5; i++) { // one of them at most asks for a direct get, which nats-server 2.9 does not answer
      assertThat(state(id)).isEqualTo(TaskState.QUEUED);
      assertThat(tasks.find(UNKNOWN, TIMEOUT)).isNull();
    }
    start(settings(), message -> message.reply("done"));
    TaskStatus done = finished(id);
    assertThat(Objects.requireNonNull(tasks.result(done, TIMEOUT)).body()).asString(UTF_8).isEqualTo("done");
    watch.assertLessThan(PATIENCE);
  }

  @Test
  void serversAreAskedDirectlyAgainAfterThePause() {
    JetStreamApi api = new JetStreamApi(transport);
    JetStreamBucket patient = new JetStreamBucket(api, BUCKET, Duration.ofHours(1));
    JetStreamBucket impatient = new JetStreamBucket(api, BUCKET, Duration.ofMillis(1));
    assertThat(List.of(patient, impatient)).allMatch(bucket -> bucket.recent("key", TIMEOUT) == null);
    provision(ROOMY, settings());
    store.put("key", new byte[1], null, TIMEOUT);
    await().until(() -> impatient.recent("key", TIMEOUT) != null);
    assertThat(patient.recent("key", TIMEOUT)).isNull();
  }

  @Test
  void domainOfAnotherServerIsNamedAsTheCause() throws Exception {
    Path hubs = Files.createDirectory(directory.resolve("hub"));
    int leaves = freePort();
    try (NatsServer hub = NatsServer.start("-c", Files.writeString(directory.resolve("hub.conf"), """
        jetstream { store_dir: "%s", domain: hub }
        leafnodes { listen: "127.0.0.1:%d" }
        """.formatted(hubs, leaves)).toString())) {
      stop();
      connect("-c", Files.writeString(directory.resolve("leaf.conf"), """
          leafnodes { remotes: [ { url: "nats://127.0.0.1:%d" } ] }
          """.formatted(leaves)).toString());
      await().until(() -> hub.log().contains("Leafnode connection created"));
      assertUnavailable("or in another domain: durable tasks need it in the domain of the server that they connect to");
      JetStreamProvisioner provisioner = new JetStreamProvisioner(transport, BUCKET, ROOMY, settings());
      assertThat(provisioner.provision()).isFalse();
      assertThat(provisioner.problem()).contains("or in another domain");
      JobListenerContainer container = start(settings(), message -> null);
      await().until(() -> container.problem() != null);
      assertThat(container.problem()).contains("or in another domain");
    }
  }

  private static int freePort() throws IOException {
    try (ServerSocket socket = new ServerSocket(0)) {
      return socket.getLocalPort();
    }
  }

  @Test
  void headersThatOnlyOthersSendAreLeftOutOfADeadLetter() throws Exception {
    provision(ROOMY, settings());
    String headers = "NATS/1.0\r\nTask-Id: " + "A".repeat(22) + "\r\nName: J\u00fcrgen\r\n\r\n";
    int length = headers.getBytes(UTF_8).length;
    try (Socket other = new Socket("127.0.0.1", server.port())) {
      other.getOutputStream().write(("CONNECT {\"verbose\":false,\"headers\":true}\r\nHPUB jobs.worker " + length + " "
          + (length + 1) + "\r\n" + headers + "x\r\n").getBytes(UTF_8));
      start(settings(), message -> null);
      try (Connection connection = Nats.connect(server.url())) {
        MessageInfo letter = await().ignoreExceptionsInstanceOf(JetStreamApiException.class).until(
            () -> connection.jetStreamManagement().getLastMessage("JOBS_DEAD", "jobs-dead.group"), Objects::nonNull);
        assertThat(letter.getData()).asString(UTF_8).isEqualTo("x");
        assertThat(letter.getHeaders().getFirst("Task-Id")).isEqualTo("A".repeat(22));
        assertThat(letter.getHeaders().getFirst("Dead-Letter-Reason")).isEqualTo("expired");
        assertThat(letter.getHeaders().get("Name")).isNull();
      }
    }
  }

  @ParameterizedTest
  @CsvSource({"Nats-Expected-Stream,JOBS_group", "nats-expected-stream,JOBS_group", "Nats-Expected-Last-Sequence,0",
      "Nats-Expected-Last-Subject-Sequence,0", "Nats-Rollup,sub", "Nats-Msg-Id,x"})
  void headersForJetStreamAreNoneOfADeadLetter(String name, String value) throws Exception {
    provision(ROOMY, settings());
    try (Connection connection = Nats.connect(server.url())) {
      for (String stream : List.of("JOBS_group", "JOBS_DEAD")) { // a rolled-up letter would be the only one
        change(stream, configuration -> configuration.allowRollup(true));
      }
      for (int i = 1; i <= 2; i++) { // with the second letter the stream is not empty any more
        Headers headers = new Headers().put("Kept", "yes");
        connection.jetStream().publish(NatsMessage.builder().subject("jobs.worker").headers(i == 1
            ? headers.put(name, value) : headers).data("letter " + i).build());
        if (i == 1) {
          start(settings(), message -> message.reply("done"));
        }
        int letters = i;
        await().untilAsserted(() -> assertThat(connection.jetStreamManagement().getStreamInfo("JOBS_DEAD").getStreamState()
            .getMsgCount()).isEqualTo(letters));
      }
      MessageInfo letter = connection.jetStreamManagement().getMessage("JOBS_DEAD", 1);
      assertThat(letter.getData()).asString(UTF_8).isEqualTo("letter 1");
      assertThat(letter.getHeaders().getFirst("Kept")).isEqualTo("yes");
      assertThat(letter.getHeaders().keySet()).filteredOn(header -> header.toLowerCase(Locale.ROOT).startsWith("nats-"))
          .containsExactly("Nats-Msg-Id");
      assertThat(letter.getHeaders().get("Nats-Msg-Id")).containsExactly("group.1-0");
    }
    assertThat(finished(submit(null).id()).state()).isEqualTo(TaskState.SUCCEEDED);
  }

  @Test
  void jobOfWhichThereCanBeNoDeadLetterHoldsUpNoOther(CapturedOutput output) throws Exception {
    provision(ROOMY, settings());
    try (Connection connection = Nats.connect(server.url())) {
      change("JOBS_DEAD", configuration -> configuration.maximumMessageSize(20));
      connection.jetStream().publish("jobs.worker", "nameless".getBytes(UTF_8));
      JobListenerContainer container = start(settings(), message -> message.reply("done"));
      await().until(() -> container.problem() != null);
      assertThat(container.problem()).startsWith("job 1 cannot be a dead letter: message size exceeds maximum");
      assertThat(finished(submit(null).id()).state()).isEqualTo(TaskState.SUCCEEDED);
      await().until(() -> // the acknowledgement follows the entry
          connection.jetStreamManagement().getStreamInfo("JOBS_group").getStreamState().getMsgCount() == 1);
      assertThat(output).contains("A job of which there can be no dead letter stays in its queue, and comes again in PT30S");
    }
  }

  @Test
  void bucketHoldsWhatWorkersInOtherLanguagesExpect() throws Exception {
    provision(ROOMY, settings());
    String id = submit(null).id();
    try (Connection connection = Nats.connect(server.url())) {
      KeyValue bucket = connection.keyValue(BUCKET);
      assertEntry(bucket, id, Map.of("worker", "worker", "hash", "j_QoKFe8HGaOFleasiG5N1jC7XHwWPydim_o6_ycxAk",
          "state", "queued", "attempts", 0, "failures", 0, "job", 0), "submitted");
      start(settings(), message -> {
        if (message.body().length == 0) {
          throw new MessageRejectedException(422, "not this one");
        }
        return message.reply("done").withHeader("Content-Type", "text/x-reply");
      });
      assertThat(finished(id).state()).isEqualTo(TaskState.SUCCEEDED);
      assertEntry(bucket, id, Map.of("state", "succeeded", "attempts", 1, "failures", 0, "job", 1),
          "worker", "hash", "runner", "submitted", "started", "finished");
      MessageInfo result = connection.jetStreamManagement().getLastMessage("KV_" + BUCKET, "$KV.TASKS." + id + ".r1");
      assertThat(result.getData()).asString(UTF_8).isEqualTo("done");
      assertThat(result.getHeaders().get("Content-Type")).containsExactly("text/x-reply");

      String rejected = tasks.submit("worker", new byte[0], null, TIMEOUT).id();
      assertThat(finished(rejected).state()).isEqualTo(TaskState.FAILED);
      assertEntry(bucket, rejected, Map.of("state", "failed", "attempts", 1, "failures", 1, "job", 2,
          "error", Map.of("code", 422, "text", "not this one")),
          "worker", "hash", "runner", "submitted", "started", "finished");
    }
  }

  private static void assertEntry(KeyValue bucket, String id, Map<String, Object> members, String... others)
      throws Exception {
    Map<String, Object> entry =
        JsonMapper.shared().readValue(bucket.get(id).getValue(), new TypeReference<Map<String, Object>>() {});
    Set<String> names = new HashSet<>(members.keySet());
    names.addAll(List.of(others));
    assertThat(entry.keySet()).containsExactlyInAnyOrderElementsOf(names);
    assertThat(entry).containsAllEntriesOf(members);
    assertThat(entry.get("submitted")).asString().matches("\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d[.0-9]*Z");
  }

  @Test
  void killedServerLosesNothing() throws Exception {
    provision(ROOMY, settings());
    CountDownLatch end = new CountDownLatch(1);
    CountDownLatch begun = new CountDownLatch(4);
    start(settings(), message -> {
      begun.countDown();
      end.await();
      return message.reply("done");
    });
    List<String> ids = new ArrayList<>();
    for (int i = 0; i < 10; i++) { // four of them run
      ids.add(submit(null).id());
    }
    begun.await();
    server.kill();
    await().until(() -> !transport.connectionState().isUp()); // until then a request waits for its timeout
    assertFails(Reason.BROKER_UNAVAILABLE, () -> submit(null));
    server.startAgain();
    end.countDown();
    for (String id : ids) {
      TaskStatus done = finished(id);
      assertThat(done.state()).isEqualTo(TaskState.SUCCEEDED);
      assertThat(done.attempts()).isEqualTo(1);
    }
  }

  private static JobSettings settings() {
    return new JobSettings("group", List.of("jobs.worker"), 4, Duration.ofSeconds(30), Duration.ofMinutes(1), 3,
        List.of(Duration.ofMillis(100)), Duration.ofSeconds(10));
  }

  private void change(String stream, UnaryOperator<StreamConfiguration.Builder> change) throws Exception {
    try (Connection connection = Nats.connect(server.url())) {
      JetStreamManagement management = connection.jetStreamManagement();
      management.updateStream(
          change.apply(StreamConfiguration.builder(management.getStreamInfo(stream).getConfiguration())).build());
    }
  }

  private void provision(JetStreamLimits limits, JobSettings settings) {
    assertThat(new JetStreamProvisioner(transport, BUCKET, limits, settings).provision()).isTrue();
  }

  private JobListenerContainer start(JobSettings settings, BrokerMessageHandler handler) {
    JobListenerContainer container = new JobListenerContainer(store, settings, Map.of("jobs.worker",
        (job, progress) -> handler.handle(job)), Thread::new, JobMetrics.NONE);
    containers.add(container);
    container.start();
    return container;
  }

  private TaskStatus submit(String key) {
    return tasks.submit("worker", new byte[10], key, TIMEOUT);
  }

  private TaskState state(String id) {
    return Objects.requireNonNull(tasks.find(id, TIMEOUT)).state();
  }

  // The server may be away
  private TaskStatus finished(String id) {
    return await().ignoreExceptionsInstanceOf(BrokerException.class)
        .until(() -> tasks.find(id, TIMEOUT), status -> status != null && status.state().isFinished());
  }

  private static void assertFails(Reason reason, Runnable call) {
    assertThatExceptionOfType(BrokerException.class).isThrownBy(call::run)
        .extracting(BrokerException::reason).isEqualTo(reason);
  }
}
