package dev.workloads.leet;

import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;

/** The mapping itself. */
@State(Scope.Benchmark)
public class LeetSpeakBenchmark {

  @Param({"1", "1000"})
  int repeats;
  String text = "";

  @Setup
  public void setUp() {
    text = "Hello World".repeat(repeats);
  }

  @Benchmark
  public String leet() {
    return LeetSpeak.of(text);
  }
}
