package dev.workloads.benchmarks;

import dev.workloads.messaging.ReplySink;
import dev.workloads.messaging.annotation.NatsListener;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import org.springframework.boot.autoconfigure.EnableAutoConfiguration;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.context.annotation.Configuration;

/** A worker with several replies: {@code tasks.stream} sends the time again and again, until its requester has gone. */
@Configuration(proxyBeanMethods = false)
@EnableAutoConfiguration
public class StreamWorker {

  /** Sends the time in microseconds: so many times a second, or as quickly as it can for 0. */
  @NatsListener(subjects = "tasks.stream")
  public void stream(String rate, ReplySink<String> replies) throws InterruptedException {
    long pause = rate.equals("0") ? 0 : TimeUnit.SECONDS.toNanos(1) / Long.parseLong(rate);
    for (long next = System.nanoTime(); !Thread.interrupted(); next += pause) {
      replies.send(Long.toString(ChronoUnit.MICROS.between(Instant.EPOCH, Instant.now())));
      if (pause > 0) {
        LockSupport.parkNanos(next + pause - System.nanoTime());
      }
    }
  }

  /** Starts the worker; its port serves readiness. */
  public static void main(String[] args) {
    new SpringApplicationBuilder(StreamWorker.class).properties("spring.config.name=none",
        "spring.application.name=stream-worker", "management.endpoint.health.probes.enabled=true",
        "management.endpoint.health.group.readiness.include=readinessState,messaging",
        "spring.threads.virtual.enabled=true").run(args);
  }
}
