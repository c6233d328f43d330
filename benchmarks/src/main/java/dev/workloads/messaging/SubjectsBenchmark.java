package dev.workloads.messaging;

import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.State;

/** The rules that every message passes. */
@State(Scope.Benchmark)
public class SubjectsBenchmark {

  String pattern = "tasks.*.>";
  String subject = "tasks.images.resize";
  String worker = "task-leet";

  @Benchmark
  public boolean match() {
    return Subjects.matches(pattern, subject);
  }

  @Benchmark
  public boolean checkWorkerName() {
    return Subjects.isWorkerName(worker);
  }

  @Benchmark
  public String checkSubject() {
    return Subjects.requireSubject(subject);
  }
}
