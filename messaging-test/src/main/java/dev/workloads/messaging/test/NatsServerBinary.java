package dev.workloads.messaging.test;

import java.io.File;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.EnumSet;
import java.util.Locale;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.springframework.core.NestedExceptionUtils;
import org.springframework.util.FileSystemUtils;

/** Finds an executable nats-server: on the PATH, in a Docker image, or in the distribution's package. */
final class NatsServerBinary {

  static final String NAME = "nats-server";
  /** Enough for package lists over a slow line. */
  private static final int COMMAND_TIMEOUT_SECONDS = 120;
  private static final FutureTask<Path> SEARCH = new FutureTask<>(NatsServerBinary::search);

  private NatsServerBinary() {}

  /** Returns the program, searched once per JVM; throws IllegalStateException with every reason if there is none. */
  static Path path() {
    SEARCH.run();
    try {
      return SEARCH.get();
    } catch (ExecutionException e) {
      Throwable cause = Objects.requireNonNull(e.getCause());
      throw new IllegalStateException(cause.getMessage(), cause);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IllegalStateException("Interrupted in the search for nats-server", e);
    }
  }

  private static Path search() {
    String only = System.getProperty("nats.fixture.source");
    Set<Source> sources = only == null
        ? EnumSet.allOf(Source.class)
        : EnumSet.of(Source.valueOf(only.toUpperCase(Locale.ROOT)));
    IllegalStateException reasons = new IllegalStateException("Every way failed");
    StringBuilder message = new StringBuilder("Found no nats-server: install nats-server and put it on the PATH "
        + "(brew install nats-server, apt install nats-server), or start Docker and have "
        + "org.testcontainers:testcontainers on the test class path. Tried:");
    for (Source source : sources) {
      try {
        return source.finder.call();
      } catch (Exception | LinkageError e) {
        message.append("\n- ").append(source).append(": ").append(NestedExceptionUtils.getMostSpecificCause(e));
        reasons.addSuppressed(e);
      }
    }
    throw new IllegalStateException(message.toString(), reasons);
  }

  private static Path onPath() throws IOException {
    // Debian installs into /usr/sbin, which an ordinary user's PATH lacks
    String path = System.getenv().getOrDefault("PATH", "") + File.pathSeparator + "/usr/sbin";
    Path binary = Stream.of(path.split(File.pathSeparator))
        .map(directory -> Path.of(directory, NAME).toAbsolutePath())
        .filter(candidate -> Files.isRegularFile(candidate) && Files.isExecutable(candidate))
        .findFirst()
        .orElseThrow(() -> new FileNotFoundException("not in " + path));
    return checked(binary);
  }

  /** Fetches the program into the fixture directory, unless this or another JVM has done so. */
  private static Path fetched(Fetcher fetcher) throws IOException {
    Path directory = directory().toAbsolutePath();
    Files.createDirectories(directory);
    Path binary = directory.resolve(NAME);
    try (FileChannel lock = FileChannel.open(directory.resolve("lock"), StandardOpenOption.CREATE,
        StandardOpenOption.WRITE)) {
      lock.lock();
      if (Files.notExists(binary)) {
        Path work = Files.createTempDirectory(directory, "fetch-");
        try {
          Files.move(checked(fetcher.fetchInto(work)), binary, StandardCopyOption.ATOMIC_MOVE);
        } finally {
          FileSystemUtils.deleteRecursively(work);
        }
      }
    }
    return checked(binary);
  }

  private static Path directory() {
    String chosen = System.getProperty("nats.fixture.directory");
    if (chosen != null) {
      return Path.of(chosen);
    }
    boolean gradle = Files.isDirectory(Path.of("build")) && !Files.isDirectory(Path.of("target"));
    return Path.of(gradle ? "build" : "target", NAME);
  }

  /** Unpacks the package without installing it, as any user may; a broken foreign package source does no harm. */
  private static Path fromPackage(Path work) throws IOException {
    Files.createDirectories(work.resolve("lists/partial"));
    Files.createDirectories(work.resolve("archives/partial"));
    Files.writeString(work.resolve("apt.conf"), """
        Dir::State::lists "%1$s/lists";
        Dir::State::status "/dev/null";
        Dir::Cache "%1$s";
        APT::Sandbox::User "root";
        Acquire::Languages "none";
        #clear Acquire::IndexTargets::deb::DEP-11;
        #clear APT::Update::Post-Invoke;
        #clear APT::Update::Post-Invoke-Success;
        """.formatted(work));
    run(work, "sh", "-c", """
        apt-get -c apt.conf -q update
        apt-get -c apt.conf -q download nats-server && dpkg-deb -x nats-server_*.deb .
        """);
    return work.resolve("usr/sbin").resolve(NAME);
  }

  private static Path checked(Path binary) throws IOException {
    run(Objects.requireNonNull(binary.getParent()), binary.toString(), "--version");
    return binary;
  }

  /** Runs the command, bounded; throws IOException with its output if it does not end with 0. */
  static void run(Path directory, String... command) throws IOException {
    Path output = Files.createTempFile("nats-server-", ".log");
    try {
      Process process = new ProcessBuilder(command).directory(directory.toFile())
          .redirectErrorStream(true)
          .redirectOutput(output.toFile())
          .start();
      process.onExit().completeOnTimeout(process, COMMAND_TIMEOUT_SECONDS, TimeUnit.SECONDS).join();
      if (process.isAlive()) {
        process.descendants().forEach(ProcessHandle::destroyForcibly);
        process.destroyForcibly().onExit().join();
      }
      if (process.exitValue() != 0) {
        throw new IOException("%s ended with %d:%n%s".formatted(String.join(" ", command), process.exitValue(),
            Files.readString(output)));
      }
    } finally {
      Files.delete(output);
    }
  }

  private enum Source {

    PATH(NatsServerBinary::onPath),
    DOCKER(() -> fetched(NatsImage::copyProgramInto)),
    APT(() -> fetched(NatsServerBinary::fromPackage));

    private final Callable<Path> finder;

    Source(Callable<Path> finder) {
      this.finder = finder;
    }
  }

  private interface Fetcher {

    Path fetchInto(Path directory) throws IOException;
  }
}
