package dev.workloads.httpapi;

import dev.workloads.messaging.BrokerMessage;
import dev.workloads.messaging.MessageTransport;
import dev.workloads.messaging.inprocess.InProcessTransport;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
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

  private final MessageTransport transport;
  private final ConfigurableApplicationContext context;
  private final List<MessageTransport.Subscription> workers = new ArrayList<>();

  private HttpApi(@Nullable MessageTransport transport, List<String> settings) {
    GenericApplicationContext parent = new GenericApplicationContext();
    if (transport != null) {
      parent.registerBean(MessageTransport.class, () -> transport);
    }
    parent.refresh();
    context = HttpApiApplication.configure(new SpringApplicationBuilder()).parent(parent)
        .run(Stream.concat(SETTINGS.stream(), settings.stream().map(setting -> "--" + setting)).toArray(String[]::new));
    this.transport = context.getBean(MessageTransport.class);
  }

  /** Returns the application over the in-process transport; tests with the same settings share it. */
  static HttpApi with(String... settings) {
    return SHARED.computeIfAbsent(List.of(settings), HttpApi::start);
  }

  /** Starts an application of the test's own over the in-process transport. */
  static HttpApi start(List<String> settings) {
    return new HttpApi(new InProcessTransport(), settings);
  }

  /** Starts an application over the transport, or over what the settings say. */
  static HttpApi over(@Nullable MessageTransport transport, String... settings) {
    return new HttpApi(transport, List.of(settings));
  }

  /** Subscribes a worker that replies at once. */
  void worker(String name, UnaryOperator<BrokerMessage> reply) {
    workers.add(transport.subscribe(List.of("tasks." + name), null,
        (message, replies) -> replies.send(addressed(message, reply.apply(message)))));
  }

  private static BrokerMessage addressed(BrokerMessage message, BrokerMessage reply) {
    return new BrokerMessage(String.valueOf(message.replyTo()), reply.body(), null, reply.headers());
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
    workers.forEach(MessageTransport.Subscription::close);
    workers.clear();
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

  Answer get(int port, String path, String... headers) throws IOException {
    try (Connection connection = new Connection(port)) {
      return connection.send("GET " + path + " HTTP/1.1\r\nHost: test\r\n" + lines(headers) + "\r\n").answer();
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
