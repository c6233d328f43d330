package dev.workloads.messaging.testing;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.Socket;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.awaitility.Awaitility;
import org.awaitility.core.ConditionTimeoutException;
import org.springframework.util.FileSystemUtils;

/** One real nats-server process on the loopback interface, controlled by one thread at a time. */
public final class NatsServer implements AutoCloseable {

  private static final String HOST = "127.0.0.1";
  private static final Duration PATIENCE = Duration.ofSeconds(10);
  private static final Duration POLL_INTERVAL = Duration.ofMillis(10);
  private static final Pattern CLIENT_PORT = Pattern.compile("\"nats\":\\s*\\[\\s*\"[^\"]*:(\\d+)\"");
  private static final Set<NatsServer> OPEN = ConcurrentHashMap.newKeySet();

  static {
    Runtime.getRuntime().addShutdownHook(new Thread(() -> OPEN.forEach(NatsServer::close), "nats-server-shutdown"));
  }

  private final Path binary = NatsServerBinary.path();
  private final Path directory;
  private final Map<String, String> environment;
  private final List<String> extraArgs;
  private volatile int port;
  private volatile Process process;

  private NatsServer(int port, Map<String, String> environment, String... extraArgs) throws IOException {
    this.port = port;
    this.environment = Map.copyOf(environment);
    this.extraArgs = List.of(extraArgs);
    directory = Files.createTempDirectory("nats-server-");
    process = launch();
    OPEN.add(this);
  }

  /**
   * Starts a server on a free port and blocks until it greets its clients.
   *
   * @throws IllegalStateException with the server's log, if it ends or does not greet within 10 seconds
   */
  public static NatsServer start(String... extraArgs) {
    return start(-1, extraArgs);
  }

  /**
   * Starts a server on the port and blocks until it greets its clients.
   *
   * @throws IllegalStateException with the server's log, if it ends or does not greet within 10 seconds
   */
  public static NatsServer start(int port, String... extraArgs) {
    return start(port, Map.of(), extraArgs);
  }

  /**
   * Starts a server on a free port, with additional environment variables for its configuration.
   *
   * @throws IllegalStateException as {@link #start(String...)}
   */
  public static NatsServer start(Map<String, String> environment, String... extraArgs) {
    return start(-1, environment, extraArgs);
  }

  private static NatsServer start(int port, Map<String, String> environment, String... extraArgs) {
    try {
      NatsServer server = new NatsServer(port, environment, extraArgs);
      server.awaitGreeting();
      return server;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /**
   * Starts the same server on the same port once more, after {@link #kill()} or {@link #stop()}.
   *
   * @throws IllegalStateException if it still runs, or as {@link #start(String...)}; the server is closed then
   */
  public void startAgain() {
    if (isAlive()) {
      throw new IllegalStateException("nats-server " + pid() + " still runs");
    }
    try {
      process = launch();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    awaitGreeting();
  }

  /** Returns the port for clients. */
  public int port() {
    return port;
  }

  /** Returns the URL for clients. */
  public String url() {
    return "nats://" + HOST + ":" + port;
  }

  /** Returns the output so far, earlier starts included; throws UncheckedIOException once closed. */
  public String log() {
    try {
      return Files.readString(logFile());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Returns the id of the process that was started last. */
  public long pid() {
    return process.pid();
  }

  /** Returns whether the process exists, be it suspended. */
  public boolean isAlive() {
    return process.isAlive();
  }

  /** Ends the process at once (SIGKILL) and waits for its end. */
  public void kill() {
    process.destroyForcibly().onExit().orTimeout(PATIENCE.toSeconds(), TimeUnit.SECONDS).join();
  }

  /** Asks the process to end (SIGTERM), and kills it after 10 seconds. */
  public void stop() {
    process.destroy();
    process.onExit().completeOnTimeout(process, PATIENCE.toSeconds(), TimeUnit.SECONDS).join();
    kill();
  }

  /** Freezes the process (SIGSTOP) and waits until it is: connections stay open, nothing is answered. */
  public void suspend() {
    signal("STOP");
    Awaitility.await().pollDelay(Duration.ZERO).pollInterval(POLL_INTERVAL).atMost(PATIENCE)
        .ignoreExceptionsInstanceOf(IOException.class) // a thread has ended since it was listed
        .until(this::isSuspended);
  }

  // A thread that runs when the signal comes goes on for a moment. Where there is no /proc nobody can tell.
  private boolean isSuspended() throws IOException {
    Path threads = Path.of("/proc", Long.toString(pid()), "task");
    if (Files.notExists(threads)) {
      return true;
    }
    try (Stream<Path> each = Files.list(threads)) {
      for (Path thread : each.toList()) {
        if (!Files.readString(thread.resolve("status")).contains("State:\tT")) {
          return false;
        }
      }
      return true;
    }
  }

  /** Lets a suspended process go on (SIGCONT). */
  public void resume() {
    signal("CONT");
  }

  /** Sends a signal by its name, such as USR2 (lame duck mode) or HUP (reload the configuration), without waiting. */
  public void signal(String name) {
    try {
      // The shell's own kill: slim images lack the program
      NatsServerBinary.run(directory, "sh", "-c", "kill -s \"$0\" \"$1\"", name, Long.toString(pid()));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Kills the process and deletes its files; does nothing the second time. */
  @Override
  public void close() {
    kill();
    OPEN.remove(this);
    try {
      FileSystemUtils.deleteRecursively(directory);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private Process launch() throws IOException {
    List<String> command = new ArrayList<>(List.of(binary.toString(), "-a", HOST,
        "-p", Integer.toString(port), "--ports_file_dir", directory.toString()));
    command.addAll(extraArgs);
    ProcessBuilder builder = new ProcessBuilder(command)
        .redirectErrorStream(true)
        .redirectOutput(ProcessBuilder.Redirect.appendTo(logFile().toFile()));
    builder.environment().putAll(environment);
    return builder.start();
  }

  private void awaitGreeting() {
    try {
      Awaitility.await().pollDelay(Duration.ZERO).pollInterval(POLL_INTERVAL).atMost(PATIENCE)
          .ignoreExceptionsInstanceOf(IOException.class)
          .until(() -> !isAlive() || greets());
    } catch (ConditionTimeoutException e) {
      throw failure("does not greet within " + PATIENCE);
    }
    if (!isAlive()) {
      throw failure("ended with " + process.exitValue());
    }
  }

  private IllegalStateException failure(String reason) {
    String log = log();
    close();
    return new IllegalStateException("nats-server " + extraArgs + " " + reason + ":\n" + log);
  }

  private boolean greets() throws IOException {
    Matcher matcher = CLIENT_PORT.matcher(Files.readString(directory.resolve("nats-server_" + pid() + ".ports")));
    if (!matcher.find()) {
      return false;
    }
    port = Integer.parseInt(matcher.group(1));
    try (Socket socket = new Socket(HOST, port)) {
      socket.setSoTimeout((int) PATIENCE.toMillis());
      byte[] greeting = socket.getInputStream().readNBytes("INFO ".length());
      return new String(greeting, StandardCharsets.US_ASCII).equals("INFO ");
    }
  }

  private Path logFile() {
    return directory.resolve("log");
  }
}
