package dev.workloads.messaging.nats;

import static java.nio.charset.StandardCharsets.UTF_8;
import static java.util.concurrent.TimeUnit.MILLISECONDS;
import static java.util.concurrent.TimeUnit.SECONDS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.awaitility.Awaitility.await;

import dev.workloads.messaging.BrokerException;
import dev.workloads.messaging.BrokerException.Reason;
import dev.workloads.messaging.BrokerMessage;
import dev.workloads.messaging.MessageTransport;
import dev.workloads.messaging.MessageTransport.SubscribeOptions;
import dev.workloads.messaging.MessagingClient;
import dev.workloads.messaging.test.NatsServer;
import dev.workloads.messaging.testing.Stopwatch;
import io.nats.client.Connection;
import io.nats.client.Connection.Status;
import io.nats.client.Nats;
import io.nats.client.Options;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Queue;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;

/** What happens when servers are missing, go and come back. */
@ExtendWith(OutputCaptureExtension.class)
class NatsTransportReconnectTests {

  private static final Duration LONG_GRACE = Duration.ofSeconds(60);
  private static final Duration PATIENCE = Duration.ofSeconds(5);
  private static final Pattern ROUTE_PORT = Pattern.compile("route connections on 127\\.0\\.0\\.1:(\\d+)");
  private static final byte[] EMPTY = {};

  private final List<AutoCloseable> open = new ArrayList<>();
  private final ExecutorService threads = Executors.newCachedThreadPool();

  @AfterEach
  void closeAll() throws Exception {
    threads.shutdownNow();
    for (AutoCloseable closeable : open) {
      closeable.close();
    }
  }

  @Test
  void withoutServerEverythingIsRefusedAtOnce() {
    NatsTransport transport = transport(stoppedServer(), LONG_GRACE);
    Stopwatch watch = Stopwatch.start();
    assertUnavailable(() -> transport.request(new BrokerMessage("a", EMPTY), PATIENCE));
    assertUnavailable(() -> transport.publish(new BrokerMessage("a", EMPTY)));
    watch.assertLessThan(Duration.ofMillis(500));
    assertThat(transport.isReady()).isFalse();
    assertThat(transport.connectionState().status()).isEqualTo(Status.DISCONNECTED);
    assertThat(transport.connectionState().isUp()).isFalse();
    assertThat(transport.connectionState().problem()).isNotEmpty();
  }

  @Test
  void subscriptionMadeBeforeTheServerAppearsWorks(CapturedOutput output) {
    NatsServer server = stoppedServer();
    NatsTransport transport = transport(server, LONG_GRACE);
    echo(transport, "a");
    await().until(() -> output.getOut().contains("Cannot connect to NATS"));
    server.startAgain();
    await().until(transport::isReady);
    assertThat(transport.request(new BrokerMessage("a", EMPTY), PATIENCE).body()).isEmpty();
    assertThat(transport.connectionState())
        .isEqualTo(new NatsConnectionState(Status.CONNECTED, server.url(), null));
  }

  @Test
  void refusedAttemptsAreLoggedOnce(CapturedOutput output) {
    NatsServer server = stoppedServer();
    transport(server, LONG_GRACE);
    NatsTransport watcher = transport(server, LONG_GRACE);
    await().until(() -> watcher.connectionState().problem() != null);
    // The pauses start at 50 ms at most: in the time of the second transport's connection there were several attempts
    server.startAgain();
    await().until(watcher::isReady);
    assertThat(output.getOut().lines().filter(line -> line.contains("Cannot connect") && line.contains(server.url())))
        .hasSizeLessThanOrEqualTo(2);
  }

  @Test
  void bothSidesGoOnAfterARestartOfTheServer(CapturedOutput output) {
    NatsServer server = server();
    NatsTransport worker = readyTransport(server, LONG_GRACE);
    NatsTransport requester = readyTransport(server, LONG_GRACE);
    echo(worker, "a.*");
    for (int i = 1; i <= 2; i++) {
      awaitAnswer(requester, "a.b"); // the connection is up before the subscription is back
      server.kill();
      awaitDown(worker, requester);
      assertUnavailable(() -> requester.request(new BrokerMessage("a.b", EMPTY), PATIENCE));
      server.startAgain();
      awaitUp(worker, requester);
    }
    awaitAnswer(requester, "a.b");
    assertThat(output.getOut().split("Lost the connection to NATS", -1)).hasSize(1 + 2 * 2);
    assertThat(output.getOut().split("Connected to NATS at", -1)).hasSize(1 + 2 * 3);
  }

  @Test
  void serverAddressIsThatOfTheServerConnectedTo() {
    NatsServer first = server();
    String second = "nats://localhost:" + server().port();
    NatsTransport transport = open(NatsTransport.open(Options.builder().servers(new String[] {first.url(), second})
        .noRandomize().build(), Duration.ofSeconds(5), Duration.ofMillis(100)));
    awaitUp(transport);
    assertThat(transport.serverAddress()).isEqualTo("127.0.0.1");

    first.kill();
    await().until(() -> "localhost".equals(transport.serverAddress()));
  }

  @Test
  void subscriptionsMadeAndEndedDuringAnOutageAreRight() {
    NatsServer server = server();
    NatsTransport transport = readyTransport(server, LONG_GRACE);
    MessageTransport.Subscription drained = echo(transport, "drained");
    MessageTransport.Subscription closed = echo(transport, "closed");
    server.kill();
    awaitDown(transport);
    echo(transport, "made");
    assertThat(drained.drain(PATIENCE)).isTrue();
    closed.close();
    server.startAgain();
    awaitUp(transport);
    await().untilAsserted(() ->
        assertThat(transport.request(new BrokerMessage("made", EMPTY), PATIENCE).body()).isEmpty());
    for (String ended : List.of("drained", "closed")) {
      assertThatExceptionOfType(BrokerException.class)
          .isThrownBy(() -> transport.request(new BrokerMessage(ended, EMPTY), PATIENCE))
          .extracting(BrokerException::reason).isEqualTo(Reason.NO_RESPONDERS);
    }
  }

  @Test
  void drainEndsWithTheConnectionAndHandsOverWhatHasComeIn() throws Exception {
    NatsServer server = server();
    NatsTransport transport = readyTransport(server, LONG_GRACE);
    BlockingQueue<String> received = new LinkedBlockingQueue<>();
    CountDownLatch mayReceive = new CountDownLatch(1);
    MessageTransport.Subscription busy = transport.subscribe(List.of("busy"), "group", (message, replies) -> {
      awaitUnchecked(mayReceive);
      received.add(message.text());
    });
    List<MessageTransport.Subscription> idle = List.of(echo(transport, "b"), echo(transport, "c"), echo(transport, "d"));
    for (String text : List.of("0", "1", "2")) {
      transport.publish(BrokerMessage.of("busy", text));
    }
    await().until(() -> busy.pending() == 2);

    server.suspend(); // and so one drain waits for its answer, and the others for their turn to ask
    List<Future<Boolean>> drains = Stream.concat(idle.stream(), Stream.of(busy))
        .map(subscription -> threads.submit(() -> subscription.drain(Duration.ofSeconds(25)))).toList();
    await().until(() -> threadsInDrain() == drains.size());
    server.kill();
    for (Future<Boolean> drained : drains.subList(0, idle.size())) {
      assertThat(drained.get(5, SECONDS)).isTrue();
    }
    assertThat(drains.get(idle.size()).isDone()).isFalse();
    mayReceive.countDown();
    assertThat(drains.get(idle.size()).get(5, SECONDS)).isTrue();
    await().untilAsserted(() -> assertThat(received).containsExactly("0", "1", "2"));
  }

  private static void awaitUnchecked(CountDownLatch latch) {
    try {
      latch.await();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }

  private static long threadsInDrain() {
    return Thread.getAllStackTraces().values().stream().filter(stack -> Stream.of(stack)
        .anyMatch(frame -> frame.getClassName().equals(NatsLinks.class.getName() + "$LinksSubscription"))).count();
  }

  @Test
  void requestUnderWayGetsItsReplyAfterTheReconnect() throws Exception {
    NatsServer server = server();
    NatsTransport worker = readyTransport(server, LONG_GRACE);
    NatsTransport requester = readyTransport(server, LONG_GRACE);
    BlockingQueue<BrokerMessage> received = new LinkedBlockingQueue<>();
    worker.subscribe(List.of("a"), "group", (message, replies) -> received.add(message));
    Future<BrokerMessage> reply =
        threads.submit(() -> requester.request(new BrokerMessage("a", EMPTY), Duration.ofSeconds(20)));
    BrokerMessage request = received.take();
    server.kill();
    awaitDown(worker, requester);
    server.startAgain();
    awaitUp(worker, requester);
    await().until(() -> {
      worker.publish(request.reply(new byte[] {1})); // until the requester's own subscription is back, nobody hears it
      return reply.isDone();
    });
    assertThat(reply.get().body()).containsExactly(1);
  }

  @Test
  void shortLossIsOverlooked() {
    NatsServer server = server();
    NatsTransport transport = readyTransport(server, LONG_GRACE);
    server.kill();
    awaitDown(transport);
    assertThat(transport.isReady()).isTrue();
    assertThat(transport.connectionState().problem()).isNotEmpty();
    assertThat(transport.connectionState().server()).isNull();
  }

  @Test
  void longLossIsReportedUntilTheConnectionIsBack() {
    NatsServer server = server();
    NatsTransport transport = readyTransport(server, Duration.ofMillis(300));
    server.kill();
    awaitDown(transport);
    await().until(() -> !transport.isReady());
    server.startAgain();
    await().until(transport::isReady);
    assertThat(transport.connectionState().isUp()).isTrue();
  }

  @Test
  void graceBeginsWithEachLoss() {
    NatsServer server = server();
    Duration grace = Duration.ofSeconds(2);
    NatsTransport transport = readyTransport(server, grace);
    server.kill();
    awaitDown(transport);
    await().until(() -> !transport.isReady());
    server.startAgain();
    await().until(transport::isReady);
    server.kill();
    awaitDown(transport);
    assertThat(transport.isReady()).isTrue();
  }

  @Test
  void silentServerIsNoticed() {
    NatsServer server = server();
    NatsTransport transport = open(NatsTransport.open(Options.builder().server(server.url())
        .pingInterval(Duration.ofMillis(100)).build(), Duration.ZERO, Duration.ofMillis(100)));
    await().until(transport::isReady);
    server.suspend();
    await().until(() -> !transport.isReady());
    server.resume();
    await().until(transport::isReady);
  }

  @Test
  void closeEndsTheAttemptsToConnect() {
    NatsServer server = stoppedServer();
    NatsTransport transport = transport(server, LONG_GRACE);
    await().until(() -> !"not connected yet".equals(transport.connectionState().problem()));
    transport.close();
    server.startAgain();
    NatsTransport other = readyTransport(server, LONG_GRACE);
    assertThat(other.isReady()).isTrue();
    assertThat(transport.isReady()).isFalse();
    assertThat(transport.connectionState().status()).isNotEqualTo(Status.CONNECTED);
    assertUnavailable(() -> transport.publish(new BrokerMessage("a", EMPTY)));
  }

  @Test
  void leavingServerIsLeftBeforeItGoes(@TempDir Path directory) throws Exception {
    NatsServer leaving = clusterNode(directory, "leaving", "lame_duck_grace_period: 1s, lame_duck_duration: 30s");
    NatsServer staying = clusterNode(directory, "staying", "", leaving);
    NatsTransport worker = readyTransport(leaving, LONG_GRACE);
    NatsTransport requester = readyTransport(leaving, LONG_GRACE);
    echo(worker, "a");
    awaitAnswer(readyTransport(staying, LONG_GRACE), "a"); // the nodes know of each other's subscriptions
    AtomicInteger replies = new AtomicInteger();
    Queue<Reason> failures = new ConcurrentLinkedQueue<>();
    MessagingClient client = new MessagingClient(requester, Duration.ofMillis(250));
    threads.execute(() -> requestUntilInterrupted(client, replies, failures));

    leaving.signal("USR2");
    awaitMove(staying, worker, requester);
    await().until(() -> !leaving.isAlive());
    awaitMore(replies);

    assertThat(failures).isEmpty();
    assertThat(worker.connectionState().isUp() && worker.isReady()).isTrue();
    assertThat(requester.connectionState().isUp() && requester.isReady()).isTrue();
  }

  @Test
  void replyAndTheErrorInItsPlaceGoOutWhereTheirRequestCameIn(@TempDir Path directory) throws Exception {
    String users = """
        authorization { users: [ { user: requester, password: r }, { user: worker, password: w, permissions: {
          subscribe: ["a group"], allow_responses: { max: 1, expires: "1m" } } } ] }
        """;
    NatsServer leaving = clusterNode(directory, "leaving", users);
    NatsServer staying = clusterNode(directory, "staying", users, leaving);
    NatsTransport worker = readyTransport(leaving, "worker", "w");
    NatsTransport requester = readyTransport(leaving, "requester", "r");
    BlockingQueue<Runnable> answers = new LinkedBlockingQueue<>();
    worker.subscribe(List.of("a"), "group", (message, replies) -> answers.add(() -> {
      assertThatExceptionOfType(BrokerException.class)
          .isThrownBy(() -> replies.send(message.reply(new byte[2 * 1024 * 1024])))
          .extracting(BrokerException::reason).isEqualTo(Reason.PAYLOAD_TOO_LARGE);
      replies.send(message.reply("too large"));
    }));
    Future<BrokerMessage> reply = threads.submit(() -> requester.request(new BrokerMessage("a", EMPTY), PATIENCE));
    Runnable answer = answers.take();

    leaving.signal("USR2");
    awaitMove(staying, worker, requester);
    answer.run(); // the other server allows no reply to what it has not sent
    assertThat(reply.get().text()).isEqualTo("too large");
  }

  @Test
  void replacedConnectionStaysForAsLongAsARequestOnItMayBeAnswered(@TempDir Path directory) throws Exception {
    NatsServer leaving = clusterNode(directory, "leaving", "");
    NatsServer staying = clusterNode(directory, "staying", "", leaving);
    NatsConnector connector = open(new NatsConnector(Options.builder().server(leaving.url()).build(), LONG_GRACE,
        Duration.ofMillis(100), Duration.ofMillis(100)));
    connector.start();
    await().until(connector::isReady);
    NatsTransport worker = readyTransport(staying, LONG_GRACE);
    BlockingQueue<Runnable> answers = new LinkedBlockingQueue<>();
    worker.subscribe(List.of("a"), "group", (message, replies) ->
        answers.add(() -> replies.send(message.reply("answer"))));
    await().ignoreExceptionsInstanceOf(BrokerException.class).until(() -> {
      Future<BrokerMessage> probe = threads.submit(() ->
          connector.current().request(new BrokerMessage("a", EMPTY), Duration.ofSeconds(5)));
      Runnable answer = answers.poll(1, SECONDS);
      if (answer != null) {
        answer.run();
      }
      return answer != null && probe.get().text().equals("answer");
    });
    Future<BrokerMessage> reply = threads.submit(() ->
        connector.current().request(new BrokerMessage("a", EMPTY), Duration.ofSeconds(20)));
    Runnable answer = answers.take();

    leaving.signal("USR2");
    await().until(() -> staying.url().equals(connector.state().server()));
    await().during(Duration.ofSeconds(1)).until(() -> !reply.isDone() && connector.links().size() == 2);
    answer.run();
    assertThat(reply.get(5, SECONDS).text()).isEqualTo("answer");
    await().until(() -> connector.links().size() == 1);
  }

  @Test
  void drainRightAfterAMoveEndsTheFormerSubscriptionToo(@TempDir Path directory) throws Exception {
    NatsServer leaving = clusterNode(directory, "leaving", "");
    NatsServer staying = clusterNode(directory, "staying", "", leaving);
    NatsTransport worker = readyTransport(leaving, LONG_GRACE);
    MessageTransport.Subscription subscription = echo(worker, "a");
    try (Connection client = Nats.connect(leaving.url())) {
      leaving.signal("USR2");
      awaitMove(staying, worker);
      assertThat(subscription.drain(PATIENCE)).isTrue();
      assertThat(client.request("a", EMPTY, PATIENCE)).isNull(); // as nobody is subscribed
    }
  }

  @Test
  void subscriptionThatMayOverlapMissesNothingInAMoveAndOthersGetNothingTwice(@TempDir Path directory) throws Exception {
    NatsServer leaving = clusterNode(directory, "leaving", "lame_duck_grace_period: 1s, lame_duck_duration: 30s");
    NatsServer staying = clusterNode(directory, "staying", "", leaving);
    NatsTransport subscriber = readyTransport(leaving, LONG_GRACE);
    Queue<String> overlapping = new ConcurrentLinkedQueue<>();
    Queue<String> plain = new ConcurrentLinkedQueue<>();
    subscriber.subscribe(List.of("a"), null, new SubscribeOptions(true, null), (message, replies) -> overlapping.add(message.text()));
    subscriber.subscribe(List.of("a"), null, (message, replies) -> plain.add(message.text()));
    echo(subscriber, "ready");
    NatsTransport publisher = readyTransport(staying, LONG_GRACE);
    awaitAnswer(publisher, "ready");
    Future<Integer> published = threads.submit(() -> {
      int count = 0;
      for (; leaving.isAlive(); count++) {
        publisher.publish(new BrokerMessage("a", Integer.toString(count).getBytes(UTF_8)));
        LockSupport.parkNanos(20_000);
      }
      return count;
    });

    leaving.signal("USR2");
    awaitMove(staying, subscriber);
    int count = published.get(40, SECONDS);
    await().until(() -> overlapping.contains(Integer.toString(count - 1)));
    assertThat(Set.copyOf(overlapping)).hasSize(count);
    assertThat(plain).doesNotHaveDuplicates();
  }

  @Test
  void nobodyWaitsForABroadcastThatMovesAndNothingIsLostOfWhatIsSubscribedAndEndedMeanwhile(@TempDir Path directory)
      throws Exception {
    NatsServer leaving = clusterNode(directory, "leaving", "");
    NatsServer staying = clusterNode(directory, "staying", "", leaving);
    NatsTransport transport = readyTransport(leaving, LONG_GRACE);
    CountDownLatch mayReceive = new CountDownLatch(1);
    MessageTransport.Subscription broadcast =
        transport.subscribe(List.of("broadcast"), null, (message, replies) -> awaitUnchecked(mayReceive));
    MessageTransport.Subscription ended = echo(transport, "ended");
    for (String text : List.of("0", "1")) {
      transport.publish(BrokerMessage.of("broadcast", text));
    }
    await().until(() -> broadcast.pending() == 1);

    leaving.signal("USR2");
    await().until(() -> isIn("nats-connector", "move"));
    Stopwatch watch = Stopwatch.start();
    echo(transport, "added");
    ended.close();
    broadcast.close();
    watch.assertLessThan(Duration.ofSeconds(1));
    assertThat(isIn("nats-connector", "move")).isTrue();

    awaitMove(staying, transport);
    mayReceive.countDown();
    awaitAnswer(transport, "added");
    for (String subject : List.of("ended", "broadcast")) {
      assertThatExceptionOfType(BrokerException.class)
          .isThrownBy(() -> transport.request(new BrokerMessage(subject, EMPTY), PATIENCE))
          .extracting(BrokerException::reason).isEqualTo(Reason.NO_RESPONDERS);
    }
  }

  private static boolean isIn(String thread, String method) {
    return Thread.getAllStackTraces().entrySet().stream().filter(entry -> entry.getKey().getName().equals(thread))
        .flatMap(entry -> Stream.of(entry.getValue())).anyMatch(frame -> frame.getMethodName().equals(method));
  }

  @Test
  void leavingServerIsLeftAsSoonAsThereIsAnother(@TempDir Path directory, CapturedOutput output) throws Exception {
    NatsServer leaving = clusterNode(directory, "leaving", "lame_duck_grace_period: 9s, lame_duck_duration: 40s");
    NatsServer staying = clusterNode(directory, "staying", "", leaving);
    NatsTransport transport = readyTransport(leaving, LONG_GRACE);
    staying.kill();
    leaving.signal("USR2");
    await().until(() -> output.getOut().contains("Cannot connect to NATS"));
    staying.startAgain();
    awaitMove(staying, transport);
    assertThat(leaving.isAlive()).isTrue();
    assertThat(transport.statistics().getReconnects()).isZero();
  }

  @Test
  void deadServerThatIsTriedFirstIsNoLoss(CapturedOutput output) {
    NatsServer server = server();
    String dead = stoppedServer().url();
    NatsTransport[] transports = IntStream.range(0, 5) // jnats shuffles the servers
        .mapToObj(i -> open(NatsTransport.open(Options.builder().servers(new String[] {dead, server.url()}).build(),
            Duration.ofMillis(300), Duration.ofMillis(100)))).toArray(NatsTransport[]::new);
    await().until(() -> Stream.of(transports).allMatch(NatsTransport::isReady));
    assertThat(transports).extracting(NatsTransport::connectionState)
        .containsOnly(new NatsConnectionState(Status.CONNECTED, server.url(), null));
    server.kill();
    await().until(() -> Stream.of(transports).noneMatch(NatsTransport::isReady));
    server.startAgain();
    await().until(() -> Stream.of(transports).allMatch(NatsTransport::isReady));
    awaitUp(transports);
    assertThat(output.getOut().split("Lost the connection to NATS", -1)).hasSize(1 + transports.length);
  }

  @Test
  void unknownFailureDoesNotEndTheAttemptsToConnect(CapturedOutput output) {
    AtomicInteger failures = new AtomicInteger(3);
    NatsTransport transport = open(NatsTransport.open(Options.builder().server(server().url())
        .timeTraceLogger((format, args) -> {
          if (failures.getAndDecrement() > 0) {
            throw new IllegalStateException("of a kind that nobody expects");
          }
        }).build(), LONG_GRACE, Duration.ofMillis(100)));
    await().until(transport::isReady);
    assertThat(failures).hasNegativeValue();
    assertThat(output.getOut()).containsOnlyOnce("Cannot connect to NATS: of a kind that nobody expects");
  }

  @Test
  void errorDoesNotEndWhatIsDueAgainAndAgain(CapturedOutput output) {
    AtomicInteger runs = new AtomicInteger();
    ScheduledExecutorService timer = Executors.newSingleThreadScheduledExecutor();
    open.add(timer::shutdownNow);
    timer.scheduleWithFixedDelay(NatsConnector.guarded("do what is due", () -> {
      runs.incrementAndGet();
      throw new OutOfMemoryError("of the test");
    }), 0, 1, MILLISECONDS);
    await().until(() -> runs.get() > 2);
    assertThat(output.getOut()).contains("Failed to do what is due");
  }

  private static void requestUntilInterrupted(MessagingClient client, AtomicInteger replies, Queue<Reason> failures) {
    while (!Thread.currentThread().isInterrupted()) {
      try {
        client.request("a", EMPTY, Duration.ofSeconds(1));
        replies.incrementAndGet();
      } catch (BrokerException e) {
        failures.add(e.reason());
      }
    }
  }

  private static void awaitMore(AtomicInteger replies) {
    int before = replies.get();
    await().until(() -> replies.get() > before + 100);
  }

  private static void awaitAnswer(NatsTransport transport, String subject) {
    await().ignoreExceptionsInstanceOf(BrokerException.class).until(() ->
        transport.request(new BrokerMessage(subject, EMPTY), Duration.ofSeconds(1)).body().length == 0);
  }

  private NatsServer clusterNode(Path directory, String name, String settings, NatsServer... others)
      throws IOException {
    List<String> routes = new ArrayList<>();
    for (NatsServer other : others) {
      Matcher port = ROUTE_PORT.matcher(other.log());
      assertThat(port.find()).isTrue();
      routes.add("nats://127.0.0.1:" + port.group(1));
    }
    Path configuration = Files.writeString(directory.resolve(name), """
        server_name: %s
        cluster { name: test, listen: "127.0.0.1:-1", routes: [%s] }
        %s
        """.formatted(name, String.join(",", routes), settings));
    return open(NatsServer.start("-c", configuration.toString()));
  }

  private NatsServer server() {
    return open(NatsServer.start());
  }

  private NatsServer stoppedServer() {
    NatsServer server = server();
    server.kill();
    return server;
  }

  private NatsTransport transport(NatsServer server, Duration grace) {
    return open(NatsTransport.open(Options.builder().server(server.url()).build(), grace, Duration.ofMillis(100)));
  }

  private NatsTransport readyTransport(NatsServer server, Duration grace) {
    NatsTransport transport = transport(server, grace);
    await().until(transport::isReady);
    return transport;
  }

  private NatsTransport readyTransport(NatsServer server, String user, String password) {
    NatsTransport transport = open(NatsTransport.open(Options.builder().server(server.url()).userInfo(user, password)
        .build(), LONG_GRACE, Duration.ofMillis(100)));
    await().until(transport::isReady);
    return transport;
  }

  private <T extends AutoCloseable> T open(T closeable) {
    open.add(0, closeable); // transports close before their servers
    return closeable;
  }

  private static MessageTransport.Subscription echo(NatsTransport transport, String pattern) {
    return transport.subscribe(List.of(pattern), "group", (message, replies) -> replies.send(message.reply(message.body())));
  }

  private static void awaitDown(NatsTransport... transports) {
    // jnats' status changes before its callback tells the transport
    await().until(() -> List.of(transports).stream().allMatch(transport -> transport.connectionState().problem() != null));
  }

  private static void awaitUp(NatsTransport... transports) {
    await().until(() -> List.of(transports).stream().allMatch(transport -> transport.connectionState().isUp()));
  }

  private static void awaitMove(NatsServer server, NatsTransport... transports) {
    await().until(() -> List.of(transports).stream()
        .allMatch(transport -> server.url().equals(transport.connectionState().server())));
  }

  private static void assertUnavailable(Runnable call) {
    assertThatExceptionOfType(BrokerException.class).isThrownBy(call::run)
        .withMessage("not connected to the message broker")
        .extracting(BrokerException::reason).isEqualTo(Reason.BROKER_UNAVAILABLE);
  }
}
