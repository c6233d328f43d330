package dev.workloads.benchmarks;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.workloads.leet.BareLeet;
import io.nats.client.Connection;
import io.nats.client.MessageHandler;
import io.nats.client.Nats;
import io.nats.client.Options;
import java.io.IOException;
import java.time.Duration;

/** jnats alone, with the options of our transport: the limit of what HTTP and our layer can reach. */
public final class BareJnats {

  static final Duration TIMEOUT = Duration.ofSeconds(5);

  private BareJnats() {}

  static Connection connect(String url) throws IOException, InterruptedException {
    return Nats.connect(new Options.Builder().server(url).maxReconnects(-1).reconnectBufferSize(0)
        .pingInterval(Duration.ofSeconds(5)).requestCleanupInterval(Duration.ofMillis(50)).reportNoResponders()
        .useTimeoutException().dontForceFlushOnRequest().build());
  }

  /** Answers what is sent to the subject, on the dispatcher's one thread. */
  static void serve(Connection connection, String subject, MessageHandler handler) throws Exception {
    connection.createDispatcher(handler).subscribe(subject, "bare");
    connection.flush(TIMEOUT);
  }

  /** Sends one request and waits for its answer as our transport does. */
  static byte[] request(Connection connection, String subject, byte[] body) throws Exception {
    return connection.requestWithTimeout(subject, body, TIMEOUT).get().getData();
  }

  /**
   * {@code worker URL} answers until it is ended; {@code client URL CALLERS WARMUP SECONDS PID} prints what wrk's script
   * does, and the microseconds of CPU that it and the worker of that PID took.
   */
  public static void main(String[] args) throws Exception {
    try (Connection connection = connect(args[1])) {
      if (args[0].equals("worker")) {
        serve(connection, "tasks.>", new BareLeet(connection));
        Thread.currentThread().join();
      } else {
        load(connection, Integer.parseInt(args[2]), Duration.ofSeconds(Integer.parseInt(args[3])),
            Duration.ofSeconds(Integer.parseInt(args[4])), ProcessHandle.of(Long.parseLong(args[5])).orElseThrow());
      }
    }
  }

  private static void load(Connection connection, int callers, Duration warmUp, Duration time, ProcessHandle worker)
      throws InterruptedException {
    byte[] body = "Hello World".getBytes(UTF_8);
    byte[] answer = "H3110 W0r1d".getBytes(UTF_8);
    Load.Call call = () -> request(connection, "tasks.task-leet", body);
    Load.run(callers, warmUp, answer, call);
    long own = cpuMicros(ProcessHandle.current());
    long other = cpuMicros(worker);
    Load load = Load.run(callers, time, answer, call);
    System.out.printf("RESULT %d %.0f %d %d %d 0 %d 0 %d %d%n", load.calls(), load.seconds() * 1e6, load.percentile(50),
        load.percentile(99), load.percentile(99.9), load.wrong(), cpuMicros(ProcessHandle.current()) - own,
        cpuMicros(worker) - other);
  }

  private static long cpuMicros(ProcessHandle process) {
    return process.info().totalCpuDuration().orElseThrow().toNanos() / 1000;
  }
}
