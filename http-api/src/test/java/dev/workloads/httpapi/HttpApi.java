package dev.workloads.httpapi;

import dev.workloads.messaging.BrokerMessage;
import dev.workloads.messaging.BrokerMessageHandler;
import dev.workloads.messaging.MessageTransport;
import dev.workloads.messaging.StreamingHandler;
import dev.workloads.messaging.durable.DurableStore;
import dev.workloads.messaging.durable.JobHandler;
import dev.workloads.messaging.durable.JobListenerContainer;
import dev.workloads.messaging.durable.JobMetrics;
import dev.workloads.messaging.durable.JobSettings;
import dev.workloads.messaging.durable.Jobs;
import dev.workloads.messaging.durable.autoconfigure.DurableProperties;
import dev.workloads.messaging.durable.jetstream.JetStreamLimits;
import dev.workloads.messaging.durable.jetstream.JetStreamProvisioner;
import dev.workloads.messaging.inprocess.InProcessTransport;
import dev.workloads.messaging.listener.Listener;
import dev.workloads.messaging.listener.ListenerSettings;
import dev.workloads.messaging.listener.MessageListenerContainer;
import dev.workloads.messaging.nats.NatsTransport;
import dev.workloads.messaging.stream.StreamSenders;
import dev.workloads.messaging.stream.StreamingListener;
import dev.workloads.messaging.test.NatsServer;
import dev.workloads.messaging.testing.Patience;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.Semaphore;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import org.awaitility.Awaitility;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.extension.AfterEachCallback;
import org.junit.jupiter.api.extension.ExtensionContext;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.support.GenericApplicationContext;
import tools.jackson.core.io.JsonStringEncoder;

/**
 * The application, on free ports, over a transport on which the test subscribes workers of its own; each test's workers
 * leave after it.
 */
final class HttpApi implements AfterEachCallback {

  private static final Map<List<String>, HttpApi> SHARED = new ConcurrentHashMap<>();
  private static final List<String> SETTINGS = List.of("--server.port=0", "--management.server.port=0",
      "--spring.main.banner-mode=off", "--spring.main.register-shutdown-hook=false", "--logging.level.root=warn");

  private static final Duration LEASE = Duration.ofSeconds(30);

  private final MessageTransport transport;
  private final ConfigurableApplicationContext context;
  private final List<MessageTransport.Subscription> workers = new ArrayList<>();
  private final List<JobListenerContainer> durableWorkers = new ArrayList<>();
  private final List<Runnable> streamingWorkers = new ArrayList<>(); // each stops one

  private HttpApi(@Nullable MessageTransport transport, @Nullable DurableStore store, List<String> settings) {
    this(transport, store, null, settings);
  }

  private HttpApi(@Nullable MessageTransport transport, @Nullable DurableStore store, @Nullable ClientResolver resolver,
      List<String> settings) {
    GenericApplicationContext parent = new GenericApplicationContext();
    if (resolver != null) {
      parent.registerBean(ClientResolver.class, () -> resolver);
    }
    if (transport != null) {
      parent.registerBean(MessageTransport.class, () -> transport);
    }
    if (store != null) {
      parent.registerBean(DurableStore.class, () -> store);
    }
    parent.refresh();
    context = HttpApiApplication.configure(new SpringApplicationBuilder()).parent(parent)
        .properties("messaging.durable.max-bytes=10MB") // the stream of each queue reserves them on the disk
        .run(Stream.concat(SETTINGS.stream(), settings.stream().map(setting -> "--" + setting)).toArray(String[]::new));
    this.transport = context.getBean(MessageTransport.class);
  }

  /** Returns the application over the in-process transport; tests with the same settings share it. */
  static HttpApi with(String... settings) {
    return SHARED.computeIfAbsent(List.of(settings), HttpApi::start);
  }

  /** Starts an application of the test's own over the in-process transport. */
  static HttpApi start(List<String> settings) {
    return new HttpApi(new InProcessTransport(), null, settings);
  }

  /** Starts an application over the in-process transport whose clients the resolver tells. */
  static HttpApi resolving(ClientResolver resolver, String... settings) {
    return new HttpApi(new InProcessTransport(), null, resolver, List.of(settings));
  }

  /** Starts an application over the transport, or over what the settings say. */
  static HttpApi over(@Nullable MessageTransport transport, String... settings) {
    return new HttpApi(transport, null, List.of(settings));
  }

  /** Returns the application that keeps durable tasks in such a store; tests with the same settings share it. */
  static HttpApi keepingTasksIn(StoreKind kind, String... settings) {
    return SHARED.computeIfAbsent(Stream.concat(Stream.of(kind.name()), Stream.of(settings)).toList(),
        key -> start(kind, settings));
  }

  /** Starts an application of the test's own that keeps durable tasks in such a store. */
  static HttpApi start(StoreKind kind, String... settings) {
    List<String> all = Stream.concat(Stream.of("task.durable.enabled=true"), Stream.of(settings)).toList();
    return kind == StoreKind.JET_STREAM ? overJetStream(all) : start(all);
  }

  /** Has a server of its own, which ends with the JVM; its files are left to those who clean up the build. */
  private static HttpApi overJetStream(List<String> settings) {
    try {
      Path files = Files.createTempDirectory(Path.of("target"), "jetstream-");
      NatsServer server = NatsServer.start("-js", "-sd", files.toString());
      HttpApi api = new HttpApi(null, null,
          Stream.concat(Stream.of("messaging.nats.servers=" + server.url()), settings.stream()).toList());
      awaitProvisioned(api.context.getBean(JetStreamProvisioner.class));
      return api;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static void awaitProvisioned(JetStreamProvisioner provisioner) {
    Awaitility.await().until(() -> {
      provisioner.requireProvisioned();
      return true;
    });
  }

  /** Starts an application over the in-process transport that keeps durable tasks in the store. */
  static HttpApi keepingTasksIn(DurableStore store, String... settings) {
    return new HttpApi(new InProcessTransport(), store,
        Stream.concat(Stream.of("task.durable.enabled=true"), Stream.of(settings)).toList());
  }

  /** Creates the queue of a worker that is not there. */
  void queue(String worker) {
    createQueue(settings(worker));
  }

  private void createQueue(JobSettings worker) {
    if (transport instanceof NatsTransport) {
      DurableProperties sizes = context.getBean(DurableProperties.class);
      JetStreamProvisioner provisioner = new JetStreamProvisioner(transport, "TASKS", new JetStreamLimits(
          sizes.retention(), sizes.maxJobs(), sizes.maxBytes().toBytes(), sizes.replicas()), worker);
      provisioner.start();
      awaitProvisioned(provisioner);
    } else {
      context.getBean(DurableStore.class).open(worker.group(), worker.subjects(), worker.lease());
    }
  }

  private static JobSettings settings(String worker) {
    return new JobSettings(worker, List.of(Jobs.SUBJECT_PREFIX + worker), 4, LEASE, LEASE, 2,
        List.of(Duration.ofMillis(100)), Duration.ofSeconds(1));
  }

  /** Starts a worker that does durable tasks, each in at most two attempts. */
  void durableWorker(String name, BrokerMessageHandler handler) {
    reportingWorker(name, (job, progress) -> handler.handle(job));
  }

  /** Starts such a worker that may report progress. */
  void reportingWorker(String name, JobHandler handler) {
    JobSettings settings = settings(name);
    createQueue(settings);
    JobListenerContainer worker = new JobListenerContainer(context.getBean(DurableStore.class), settings,
        Map.of(settings.subjects().get(0), handler), Thread::new, new JobMetrics() {});
    durableWorkers.add(worker);
    worker.start();
  }

  /** Subscribes a worker that replies at once. */
  void worker(String name, UnaryOperator<BrokerMessage> reply) {
    workers.add(transport.subscribe(List.of("tasks." + name), null,
        (message, replies) -> replies.send(addressed(message, reply.apply(message)))));
  }

  private static BrokerMessage addressed(BrokerMessage message, BrokerMessage reply) {
    return new BrokerMessage(String.valueOf(message.replyTo()), reply.body(), null, reply.headers());
  }

  /** Starts a worker that has several replies. */
  void streamingWorker(String name, StreamingHandler handler) {
    StreamSenders senders = new StreamSenders(transport);
    MessageListenerContainer worker = new MessageListenerContainer(transport,
        new Listener(new StreamingListener(handler, senders, name), new ListenerSettings(name, List.of("tasks." + name), name,
            100, 100, Duration.ofSeconds(1)), UnaryOperator.identity()), new Semaphore(Integer.MAX_VALUE), Thread::new);
    worker.start();
    streamingWorkers.add(() -> {
      worker.stop();
      senders.close();
    });
  }

  /** Subscribes a worker that sends the first part of a stream and is not heard of again. */
  void openStream(String name) {
    workers.add(transport.subscribe(List.of("tasks." + name), null, (message, replies) -> replies.send(
        new BrokerMessage(String.valueOf(message.replyTo()), new byte[] {'1'}, "stream-control." + name + ".1", Map.of())
            .withHeader("Part", "1"))));
  }

  /** Subscribes a worker that replies with what it was sent. */
  void echo(String name) {
    worker(name, message -> message.reply(message.body()));
  }

  /** Subscribes a worker that replies only when the test does. */
  BlockingQueue<BrokerMessage> silent(String pattern) {
    BlockingQueue<BrokerMessage> received = new LinkedBlockingQueue<>();
    workers.add(transport.subscribe(List.of(pattern), null, (message, replies) -> received.add(message)));
    return received;
  }

  void publish(BrokerMessage message) {
    transport.publish(message);
  }

  @Override
  public void afterEach(ExtensionContext test) {
    stopWorkers();
  }

  void stopWorkers() {
    workers.forEach(MessageTransport.Subscription::close);
    workers.clear();
    durableWorkers.forEach(JobListenerContainer::stop);
    durableWorkers.clear();
    streamingWorkers.forEach(Runnable::run);
    streamingWorkers.clear();
  }

  ConfigurableApplicationContext context() {
    return context;
  }

  int port() {
    return port("local.server.port");
  }

  int managementPort() {
    return port("local.management.port");
  }

  private int port(String property) {
    return context.getEnvironment().getRequiredProperty(property, Integer.class);
  }

  Connection connect() throws IOException {
    return new Connection(port());
  }

  /** Returns a client that takes no more of its right answer than the beginning, though it is longer; to be closed. */
  Connection slowReader(String request) {
    List<Connection> open = new ArrayList<>();
    Awaitility.await().until(() -> { // until others' room has come back
      Connection connection = connect().send(request);
      if (new String(connection.take(12), StandardCharsets.US_ASCII).equals("HTTP/1.1 200")) {
        return open.add(connection);
      }
      connection.close();
      return false;
    });
    return open.get(0);
  }

  /** Sends the JSON as a task. */
  Answer post(byte[] json, String... headers) throws IOException {
    try (Connection connection = connect()) {
      return connection.send(taskHead(json.length, headers)).send(json).answer();
    }
  }

  Answer post(String json, String... headers) throws IOException {
    return post(json.getBytes(StandardCharsets.UTF_8), headers);
  }

  /** Sends a task and asks for errors as JSON. */
  Answer task(String worker, String payload) throws IOException {
    return post(json(worker, payload), "Accept: application/problem+json");
  }

  /**
   * Waits until requests that were sent hold all places of {@code task.max-in-flight}. A question takes a place for a moment:
   * the requests get theirs before the first one.
   */
  void awaitNoPlace(String echoingWorker) {
    Awaitility.await().pollDelay(Patience.FOR_A_WRONG_ONE).until(() -> task(echoingWorker, "x").status() == 503);
  }

  /** Submits a durable task, asking for errors as JSON. */
  Answer submit(String worker, String payload, String... headers) throws IOException {
    return post(json(worker, payload), Stream.concat(
        Stream.of("Accept: application/problem+json", "Prefer: respond-async"), Stream.of(headers)).toArray(String[]::new));
  }

  /** Submits a durable task and returns its path. */
  String path(String worker, String payload) throws IOException {
    return String.valueOf(submit(worker, payload).header("Location"));
  }

  Answer get(String path, String... headers) throws IOException {
    return send("GET", path, headers);
  }

  Answer get(int port, String path, String... headers) throws IOException {
    return send(port, "GET", path, headers);
  }

  /** Sends a request without a body. */
  Answer send(String method, String path, String... headers) throws IOException {
    return send(port(), method, path, headers);
  }

  private static Answer send(int port, String method, String path, String... headers) throws IOException {
    try (Connection connection = new Connection(port)) {
      connection.send(method + " " + path + " HTTP/1.1\r\nHost: test\r\n" + lines(headers) + "\r\n");
      return method.equals("HEAD") ? connection.answerWithoutBody() : connection.answer();
    }
  }

  static String json(String worker, String payload) {
    JsonStringEncoder encoder = JsonStringEncoder.getInstance();
    return "{\"worker\":\"" + new String(encoder.quoteAsCharArray(worker)) + "\",\"payload\":\""
        + new String(encoder.quoteAsCharArray(payload)) + "\"}";
  }

  /** Returns a whole request. */
  static String taskRequest(String json, String... headers) {
    return taskHead(json.length(), headers) + json;
  }

  /** Returns the head of a request. */
  static String taskHead(int length, String... headers) {
    return "POST /task HTTP/1.1\r\nHost: test\r\nContent-Length: " + length + "\r\n" + lines(headers) + "\r\n";
  }

  static String lines(String... headers) {
    return String.join("", Arrays.stream(headers).map(header -> header + "\r\n").toList());
  }
}
