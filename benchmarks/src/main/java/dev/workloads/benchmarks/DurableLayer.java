package dev.workloads.benchmarks;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.workloads.leet.TaskLeetApplication;
import dev.workloads.messaging.durable.DurableTasks;
import dev.workloads.messaging.durable.TaskStatus;
import io.nats.client.Connection;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import org.springframework.boot.Banner;
import org.springframework.boot.WebApplicationType;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.context.ConfigurableApplicationContext;

/**
 * Durable tasks by our layer and by bare jnats in turn, in one JVM and on one nats-server with file storage: submissions
 * alone, which a worker works off meanwhile, and submissions with the wait for the result. Both write and publish the same.
 */
public final class DurableLayer {

  static final byte[] PAYLOAD = "Hello World".getBytes(UTF_8);
  static final byte[] RESULT = "H3110 W0r1d".getBytes(UTF_8);

  private static final int CALLERS = 16;
  private static final Duration TIMEOUT = Duration.ofSeconds(5);

  private DurableLayer() {}

  /**
   * {@code URL WARMUP SECONDS ROUNDS} prints a line per round, comparison and side: calls per second, their median in
   * microseconds, wrong answers.
   */
  public static void main(String[] args) throws Exception {
    try (Connection connection = BareJetStream.connect(args[0]);
        BareJetStream bare = new BareJetStream(connection);
        ConfigurableApplicationContext leet = TaskLeetApplication.configure(new SpringApplicationBuilder())
            .web(WebApplicationType.NONE).bannerMode(Banner.Mode.OFF).run("--logging.level.root=warn",
                "--messaging.nats.servers=" + args[0], "--messaging.durable.subscriptions=jobs.task-leet")) {
      bare.work();
      DurableTasks ours = leet.getBean(DurableTasks.class);
      Map<String, Map<String, Load.Call>> comparisons = new LinkedHashMap<>();
      comparisons.put("submit", Map.of("bare", () -> submitted(bare.submit(PAYLOAD)),
          "ours", () -> submitted(ours.submit("task-leet", PAYLOAD, null, TIMEOUT).id())));
      comparisons.put("submit and wait", Map.of("bare", () -> bare.submitAndWait(PAYLOAD), "ours", () -> result(ours)));
      for (int round = 0; round <= Integer.parseInt(args[3]); round++) {
        round(round, Duration.ofSeconds(Integer.parseInt(args[round == 0 ? 1 : 2])), comparisons, bare);
      }
    }
  }

  private static byte[] submitted(String id) {
    return id.isEmpty() ? new byte[0] : RESULT;
  }

  private static byte[] result(DurableTasks tasks) throws InterruptedException {
    TaskStatus task = tasks.submit("task-leet", PAYLOAD, null, TIMEOUT);
    TaskStatus done = tasks.await(task, status -> status.state().isFinished(), TIMEOUT, TIMEOUT);
    return Objects.requireNonNull(tasks.result(Objects.requireNonNull(done), TIMEOUT)).body();
  }

  // The side that goes first changes from round to round. Round 0 is the warm-up.
  private static void round(int round, Duration time, Map<String, Map<String, Load.Call>> comparisons,
      BareJetStream streams) throws Exception {
    for (Map.Entry<String, Map<String, Load.Call>> comparison : comparisons.entrySet()) {
      for (String side : round % 2 == 0 ? new String[] {"bare", "ours"} : new String[] {"ours", "bare"}) {
        streams.awaitIdle(); // or one side would work off what the other has left
        Load load = Load.run(CALLERS, time, RESULT, Objects.requireNonNull(comparison.getValue().get(side)));
        if (round > 0) {
          System.out.printf("%d\t%s\t%s\t%.1f\t%d\t%d%n", round, comparison.getKey(), side, load.perSecond(),
              load.percentile(50), load.wrong());
        }
      }
    }
  }
}
