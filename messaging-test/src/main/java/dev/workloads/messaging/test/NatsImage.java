package dev.workloads.messaging.test;

import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import org.springframework.boot.logging.LogLevel;
import org.springframework.boot.logging.LoggingSystem;
import org.springframework.util.ClassUtils;
import org.testcontainers.DockerClientFactory;
import org.testcontainers.containers.GenericContainer;

/** The Docker image that nats-server is copied out of, by Testcontainers where that is on the class path. */
final class NatsImage {

  /** Testcontainers itself tries for minutes to pull an image that it cannot get. */
  private static final int TIMEOUT_SECONDS = 60;
  private static final List<String> LOGGERS = List.of("org.testcontainers", "com.github.dockerjava", "tc");

  private NatsImage() {}

  /** Copies the program into the directory; throws IllegalStateException with the reason why it cannot. */
  static Path copyProgramInto(Path directory) {
    if (!System.getProperty("os.name").equals("Linux")) {
      throw new IllegalStateException("the image's program runs on Linux only");
    }
    if (!ClassUtils.isPresent("org.testcontainers.DockerClientFactory", NatsImage.class.getClassLoader())) {
      throw new IllegalStateException("org.testcontainers:testcontainers is not on the class path");
    }
    Path program = directory.resolve(NatsServerBinary.NAME);
    boolean copied = CompletableFuture.supplyAsync(() -> copyTo(program))
        .completeOnTimeout(false, TIMEOUT_SECONDS, TimeUnit.SECONDS)
        .join();
    if (!copied) {
      throw new IllegalStateException("took more than " + TIMEOUT_SECONDS
          + " s; if Testcontainers' ryuk image cannot be pulled, set TESTCONTAINERS_RYUK_DISABLED=true");
    }
    return program;
  }

  private static boolean copyTo(Path program) {
    // Testcontainers logs pages when there is no Docker; the exception says enough
    LoggingSystem logging = LoggingSystem.get(NatsImage.class.getClassLoader());
    LOGGERS.forEach(logger -> logging.setLogLevel(logger, LogLevel.OFF));
    try (GenericContainer<?> container = new GenericContainer<>("nats:2-alpine")) {
      if (!DockerClientFactory.instance().isDockerAvailable()) {
        throw new IllegalStateException("no Docker Engine answers");
      }
      container.start();
      container.copyFileFromContainer("/usr/local/bin/nats-server", program.toString());
      return program.toFile().setExecutable(true, false);
    } finally {
      LOGGERS.forEach(logger -> logging.setLogLevel(logger, null));
    }
  }
}
