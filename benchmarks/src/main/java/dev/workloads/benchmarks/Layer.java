package dev.workloads.benchmarks;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.workloads.leet.BareLeet;
import dev.workloads.leet.TaskLeetApplication;
import dev.workloads.messaging.MessagingClient;
import io.nats.client.Connection;
import java.time.Duration;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import org.springframework.boot.Banner;
import org.springframework.boot.WebApplicationType;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.context.ConfigurableApplicationContext;

/**
 * Our layer and bare jnats in turn, in one JVM: the client against a bare worker, the leet worker against a bare client,
 * and large payloads from end to end. Ours are the beans of the apps, with metrics and tracing.
 */
public final class Layer {

  private static final String[] QUIET = {"--logging.level.root=warn", "--messaging.discovery.enabled=false"};

  private final Map<String, Comparison> comparisons = new LinkedHashMap<>();

  private record Comparison(int callers, byte[] expected, Load.Call bare, Load.Call ours) {}

  private Layer(Connection bare, MessagingClient ours) {
    byte[] text = "Hello World".getBytes(UTF_8);
    byte[] leet = "H3110 W0r1d".getBytes(UTF_8);
    for (int callers : new int[] {1, 64, 256}) {
      comparisons.put("client\t" + callers, new Comparison(callers, leet,
          () -> BareJnats.request(bare, "bare.leet", text),
          () -> ours.request("bare.leet", text, BareJnats.TIMEOUT).body()));
    }
    for (int callers : new int[] {1, 64, 256}) {
      comparisons.put("worker\t" + callers, new Comparison(callers, leet,
          () -> BareJnats.request(bare, "bare.leet", text), () -> BareJnats.request(bare, "ours.leet", text)));
    }
    for (int kibibytes : new int[] {64, 1024}) {
      byte[] body = new byte[kibibytes * 1024];
      Arrays.fill(body, (byte) 'x');
      comparisons.put("payload of " + kibibytes + " KiB\t8", new Comparison(8, body,
          () -> BareJnats.request(bare, "bare.echo", body),
          () -> ours.request("ours.echo", body, BareJnats.TIMEOUT).body()));
    }
  }

  /** {@code URL WARMUP SECONDS ROUNDS} prints a line per round, comparison and side: answers per second, wrong answers. */
  public static void main(String[] args) throws Exception {
    String url = args[0];
    try (Connection bare = BareJnats.connect(url);
        Connection bareWorker = BareJnats.connect(url);
        ConfigurableApplicationContext leet =
            start(TaskLeetApplication.configure(new SpringApplicationBuilder()), url, "ours.leet");
        ConfigurableApplicationContext echo = start(EchoWorker.configure(), url, "ours.echo")) {
      BareJnats.serve(bareWorker, "bare.leet", new BareLeet(bareWorker));
      BareJnats.serve(bareWorker, "bare.echo",
          message -> bareWorker.publish(message.getReplyTo(), message.getData()));
      Layer layer = new Layer(bare, leet.getBean(MessagingClient.class));
      layer.round(0, Duration.ofSeconds(Integer.parseInt(args[1])));
      for (int round = 1; round <= Integer.parseInt(args[3]); round++) {
        layer.round(round, Duration.ofSeconds(Integer.parseInt(args[2])));
      }
    }
  }

  private static ConfigurableApplicationContext start(SpringApplicationBuilder app, String url, String subject) {
    String[] settings = Arrays.copyOf(QUIET, QUIET.length + 2);
    settings[QUIET.length] = "--messaging.nats.servers=" + url;
    settings[QUIET.length + 1] = "--messaging.subscriptions=" + subject;
    return app.web(WebApplicationType.NONE).bannerMode(Banner.Mode.OFF).run(settings);
  }

  // The side that goes first changes from round to round. Round 0 is the warm-up.
  private void round(int round, Duration time) throws InterruptedException {
    for (Map.Entry<String, Comparison> entry : comparisons.entrySet()) {
      Comparison comparison = entry.getValue();
      for (String side : round % 2 == 0 ? new String[] {"bare", "ours"} : new String[] {"ours", "bare"}) {
        Load load = Load.run(comparison.callers, time, comparison.expected,
            side.equals("bare") ? comparison.bare : comparison.ours);
        if (round > 0) {
          System.out.printf("%d\t%s\t%s\t%.1f\t%d%n", round, entry.getKey(), side, load.perSecond(), load.wrong());
        }
      }
    }
  }
}
