package dev.workloads.systemtests;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.awaitility.Awaitility;

/** One application as a process of its own, on free ports; controlled by one thread at a time. */
final class App implements AutoCloseable {

  static final String LIVENESS = "/actuator/health/liveness";
  static final String READINESS = "/actuator/health/readiness";
  static final String PROMETHEUS = "/actuator/prometheus";

  private static final Duration PATIENCE = Duration.ofSeconds(60);
  private static final Set<App> RUNNING = ConcurrentHashMap.newKeySet();
  private static final Pattern NATS_SERVER = Pattern.compile("\"server\":\"([^\"]+)\"");
  private static final HttpClient HTTP = HttpClient.newBuilder().connectTimeout(Duration.ofSeconds(5)).build();

  static {
    Runtime.getRuntime().addShutdownHook(new Thread(() -> RUNNING.forEach(App::close), "apps-shutdown"));
  }

  private final List<String> command;
  private final int port;
  private final int managementPort;
  private final Path log;
  private Process process;

  private App(List<String> program, String natsUrl, String... settings) {
    port = freePort();
    managementPort = freePort();
    command = new ArrayList<>(program);
    command.add("--messaging.nats.servers=" + natsUrl);
    command.addAll(List.of(settings));
    try {
      log = Files.createTempFile("app-", ".log");
      process = launch();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    RUNNING.add(this);
  }

  /** Starts the HTTP API's jar; settings are {@code --name=value}, options of the JVM {@code -X...}. */
  static App httpApi(String natsUrl, String... settings) {
    return new App(jar("http-api", settings), natsUrl, settings(settings));
  }

  /** Starts the leet worker's jar. */
  static App taskLeet(String natsUrl, String... settings) {
    return new App(jar("task-leet", settings), natsUrl, settings(settings));
  }

  /** Starts the jar of the example. */
  static App reverse(String natsUrl) {
    return new App(jar("examples/reverse"), natsUrl);
  }

  /** Starts a Spring Boot application of the tests. */
  static App of(Class<?> application, String natsUrl, String... settings) {
    List<String> program = java(settings);
    program.addAll(List.of("-cp", System.getProperty("java.class.path"), application.getName()));
    return new App(program, natsUrl, settings(settings));
  }

  int port() {
    return port;
  }

  /** Blocks until the application is ready. */
  App awaitReady() {
    await(() -> readiness() == 200);
    return this;
  }

  /** Blocks until the application is live and says that it is not ready. */
  App awaitLiveButNotReady() {
    await(() -> liveness() == 200 && readiness() == 503);
    return this;
  }

  private void await(java.util.concurrent.Callable<Boolean> condition) {
    Awaitility.await().atMost(PATIENCE).pollDelay(Duration.ZERO).pollInterval(Duration.ofMillis(20))
        .failFast("the application ended:\n" + command, () -> !process.isAlive())
        .until(condition);
  }

  /** Returns the status code of the readiness probe, or 0 if nobody answers. */
  int readiness() {
    return status(READINESS);
  }

  /** Returns the status code of the liveness probe, or 0 if nobody answers. */
  int liveness() {
    return status(LIVENESS);
  }

  private int status(String path) {
    try {
      return management(path).statusCode();
    } catch (IOException e) {
      return 0;
    }
  }

  int managementPort() {
    return managementPort;
  }

  /** Gets a page of the management port. */
  HttpResponse<String> management(String path) throws IOException {
    return send(HttpRequest.newBuilder(uri(managementPort, path)).build());
  }

  /** Posts JSON to the management port, as an operator does. */
  HttpResponse<String> operate(String path, String json) throws IOException {
    return send(HttpRequest.newBuilder(uri(managementPort, path)).header("Content-Type", "application/json")
        .POST(HttpRequest.BodyPublishers.ofString(json)).build());
  }

  /** Returns whether health says that there is a connection to NATS. */
  boolean isConnected() {
    return health().contains("\"status\":\"CONNECTED\"");
  }

  /** Returns the URL of the NATS server that health names, or an empty text. */
  String natsServer() {
    Matcher server = NATS_SERVER.matcher(health());
    return server.find() ? server.group(1) : "";
  }

  /** Returns the page of the application's health, or an empty text if nobody answers. */
  String health() {
    try {
      return management("/actuator/health").body();
    } catch (IOException e) {
      return "";
    }
  }

  /** Returns the value of a metric, by its Prometheus name. */
  double metric(String name) {
    return metrics(name).get(name);
  }

  /** Returns the values of some metrics at one moment, by their Prometheus names. */
  Map<String, Double> metrics(String... names) {
    try {
      String page = management(PROMETHEUS).body();
      Map<String, Double> values = new TreeMap<>();
      for (String name : names) {
        Matcher value = Pattern.compile("^" + name + "(?:\\{[^}]*})? (\\S+)$", Pattern.MULTILINE).matcher(page);
        values.put(name, value.find() ? Double.parseDouble(value.group(1)) : Double.NaN);
      }
      return values;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Posts a task; headers are names and values in turn. */
  HttpResponse<String> post(String json, String... headers) throws IOException {
    HttpRequest.Builder request =
        HttpRequest.newBuilder(uri(port, "/task")).POST(HttpRequest.BodyPublishers.ofString(json));
    if (headers.length > 0) {
      request.headers(headers);
    }
    return send(request.build());
  }

  /** Posts a task whose replies come as a stream of that type. */
  HttpResponse<InputStream> stream(String json, String type) throws IOException {
    return send(HttpRequest.newBuilder(uri(port, "/task")).POST(HttpRequest.BodyPublishers.ofString(json))
        .header("Accept", type).build(), HttpResponse.BodyHandlers.ofInputStream());
  }

  /** Gets a page of the public port. */
  HttpResponse<String> get(String path) throws IOException {
    return send(HttpRequest.newBuilder(uri(port, path)).build());
  }

  private static HttpResponse<String> send(HttpRequest request) throws IOException {
    return send(request, HttpResponse.BodyHandlers.ofString(StandardCharsets.UTF_8));
  }

  private static <T> HttpResponse<T> send(HttpRequest request, HttpResponse.BodyHandler<T> body) throws IOException {
    try {
      return HTTP.send(request, body);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException(e);
    }
  }

  private static URI uri(int port, String path) {
    return URI.create("http://127.0.0.1:" + port + path);
  }

  /** Returns all output so far, earlier runs included. */
  String log() {
    try {
      return Files.readString(log);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  boolean isAlive() {
    return process.isAlive();
  }

  long pid() {
    return process.pid();
  }

  /** Sends SIGTERM, without waiting. */
  void terminate() {
    process.destroy();
  }

  /** Sends SIGKILL and waits. */
  void kill() {
    process.destroyForcibly();
    awaitExit();
  }

  /** Sends SIGSTOP or SIGCONT. */
  void signal(String name) {
    try {
      new ProcessBuilder("sh", "-c", "kill -s " + name + " " + pid()).start().waitFor(5, TimeUnit.SECONDS);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** Blocks until the process has ended, and returns its exit code. */
  int awaitExit() {
    return process.onExit().orTimeout(PATIENCE.toSeconds(), TimeUnit.SECONDS).join().exitValue();
  }

  /** Starts the same application on the same ports again. */
  void startAgain() {
    try {
      process = launch();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public void close() {
    kill();
    RUNNING.remove(this);
    log.toFile().delete();
  }

  private Process launch() throws IOException {
    List<String> complete = new ArrayList<>(command);
    boolean web = command.stream().anyMatch(part -> part.endsWith("http-api.jar"));
    complete.add("--server.port=" + (web ? port : managementPort));
    if (web) {
      complete.add("--management.server.port=" + managementPort);
    }
    return new ProcessBuilder(complete).redirectErrorStream(true)
        .redirectOutput(ProcessBuilder.Redirect.appendTo(log.toFile())).start();
  }

  private static List<String> jar(String module, String... settings) {
    Path jar = Path.of("..", module, "target", Path.of(module).getFileName() + ".jar");
    if (!Files.exists(jar)) {
      throw new IllegalStateException(jar + " is missing: run mvn package first");
    }
    List<String> program = java(settings);
    program.addAll(List.of("-jar", jar.toString()));
    return program;
  }

  // The quick compiler alone, and few threads for GC: several JVMs start side by side on a small machine
  private static List<String> java(String... settings) {
    List<String> program = new ArrayList<>(List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString(),
        "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"));
    for (String setting : settings) {
      if (setting.startsWith("-X")) {
        program.add(setting);
      }
    }
    return program;
  }

  private static String[] settings(String... settings) {
    return Stream.of(settings).filter(setting -> !setting.startsWith("-X")).toArray(String[]::new);
  }

  /** Returns these settings and some more. */
  static String[] with(String[] settings, String... more) {
    return Stream.concat(Stream.of(settings), Stream.of(more)).toArray(String[]::new);
  }

  static int freePort() {
    try (ServerSocket socket = new ServerSocket()) {
      socket.bind(new InetSocketAddress("127.0.0.1", 0));
      return socket.getLocalPort();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
