package dev.workloads.messaging.test;

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
import org.springframework.util.FileSystemUtils;

/**
 * One real nats-server process on the loopback interface of Linux or macOS, controlled by one thread at a time.
 *
 * <p>The program is looked for once per JVM: on the {@code PATH} and in {@code /usr/sbin}, in the Docker image
 * {@code nats:2-alpine} (on Linux, with {@code org.testcontainers:testcontainers} on the class path), and in apt's
 * package, which is unpacked and not installed. The system property {@code nats.fixture.source} ({@code path},
 * {@code docker} or {@code apt}) allows one of these only. What is fetched stays in the directory that the system
 * property {@code nats.fixture.directory} names, or else in {@code nats-server} below the directory {@code target}
 * (or {@code build}, where there is no {@code target}); fetching may block for minutes.
 *
 * <p>Whatever is not closed by then is killed as the JVM ends.
 */
public final class NatsServer implements AutoCloseable {

  private static final String HOST = "127.0.0.1";
  private static final Duration PATIENCE = Duration.ofSeconds(10);
  private static final long POLL_INTERVAL_MILLIS = 10;
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
   * Starts a server on a free port, with these arguments for nats-server, and blocks until it greets its clients.
   *
   * @throws IllegalStateException with the server's log, if it ends or does not greet within 10 seconds; with all that
   *     was tried, if no nats-server is found
   */
  public static NatsServer start(String... extraArgs) {
    return start(-1, extraArgs);
  }

  /**
   * Starts a server on the port and blocks until it greets its clients.
   *
   * @throws IllegalStateException as {@link #start(String...)}, also if the port is taken
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

  /** Returns the URL for clients, such as {@code nats://127.0.0.1:4222}. */
  public String url() {
    return "nats://" + HOST + ":" + port;
  }

  /**
   * Returns the output so far, earlier starts included.
   *
   * @throws UncheckedIOException once closed
   */
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

  /** Ends the process at once (SIGKILL) and waits for its end; does nothing if it has ended. */
  public void kill() {
    process.destroyForcibly().onExit().orTimeout(PATIENCE.toSeconds(), TimeUnit.SECONDS).join();
  }

  /** Asks the process to end (SIGTERM) and waits for its end; kills it after 10 seconds. */
  public void stop() {
    process.destroy();
    process.onExit().completeOnTimeout(process, PATIENCE.toSeconds(), TimeUnit.SECONDS).join();
    kill();
  }

  /**
   * Freezes the process (SIGSTOP) and waits until it is: connections stay open, nothing is answered.
   *
   * @throws IllegalStateException if it ends or is not frozen within 10 seconds
   */
  public void suspend() {
    signal("STOP");
    await("freeze", this::isSuspended);
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

  /**
   * Sends a signal by its name, such as USR2 (lame duck mode) or HUP (reload the configuration), without waiting
   * for what it does.
   *
   * @throws UncheckedIOException if it cannot be sent, as to a process that has ended
   */
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
      await("greet", this::greets);
    } catch (IllegalStateException e) {
      close();
      throw e;
    }
  }

  /** Waits until the condition holds; one that fails with IOException does not hold yet. */
  private void await(String what, Condition condition) {
    long deadline = System.nanoTime() + PATIENCE.toNanos();
    while (!holds(condition)) {
      if (hasEnded()) {
        throw failure("ended with " + process.exitValue());
      }
      if (System.nanoTime() - deadline > 0) {
        throw failure("does not " + what + " within " + PATIENCE.toSeconds() + " s");
      }
    }
  }

  private static boolean holds(Condition condition) {
    try {
      return condition.holds();
    } catch (IOException e) {
      return false; // no file yet, nobody listens yet, or a thread has ended since it was listed
    }
  }

  private boolean hasEnded() {
    try {
      return process.waitFor(POLL_INTERVAL_MILLIS, TimeUnit.MILLISECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw failure("was waited for by a thread that was interrupted");
    }
  }

  private IllegalStateException failure(String reason) {
    return new IllegalStateException("nats-server " + extraArgs + " " + reason + ":\n" + log());
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

  private interface Condition {

    boolean holds() throws IOException;
  }
}
