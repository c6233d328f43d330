package dev.workloads.httpapi;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;

/** JSON in. */
@State(Scope.Benchmark)
public class TaskRequestBenchmark {

  @Param({"1", "6000"})
  int repeats;
  byte[] json = {};
  private final Client client =
      new Client(null, AllowedWorkers.ALL, null, null, new ClientCounters(new SimpleMeterRegistry(), "none"));

  @Setup
  public void setUp() {
    json = "{\"worker\": \"task-leet\", \"payload\": \"%s\"}".formatted("Hello World".repeat(repeats)).getBytes(UTF_8);
  }

  @Benchmark
  public Object parse() {
    return TaskRequest.parse(json, client);
  }
}
