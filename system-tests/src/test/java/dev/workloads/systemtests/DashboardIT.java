package dev.workloads.systemtests;

import static org.assertj.core.api.Assertions.assertThat;

import dev.workloads.messaging.test.NatsServer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.AutoClose;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.yaml.snakeyaml.Yaml;

/** The queries of the dashboard, of the alerts and of the autoscaler, against the scrape of a running pair. */
class DashboardIT {

  private static final Pattern BY = Pattern.compile("\\bby \\(([^)]*)\\)");
  private static final Pattern SELECTOR = Pattern.compile("\\b([a-z]+_\\w++)(?!\\()(?:\\{([^}]*)})?");
  private static final Pattern MATCHER = Pattern.compile("(\\w+)(=~|!~|!=|=)\"([^\"]*)\"");
  private static final Pattern SERIES = Pattern.compile("^(\\w+)(?:\\{(.*)})? \\S+$", Pattern.MULTILINE);
  private static final String NAME = "__name__";

  @TempDir
  private static Path directory;
  @AutoClose
  private static NatsServer nats;
  @AutoClose
  private static App httpApi;
  @AutoClose
  private static App worker;
  private static final List<Map<String, String>> SCRAPE = new ArrayList<>();

  @BeforeAll
  static void scrapeAPairThatHasFailedAndDoneTasks() throws IOException {
    nats = NatsServer.start("-js", "-sd", directory.toString());
    httpApi = App.httpApi(nats.url(), "-Xmx48m", "--task.workers=default,reverse").awaitReady(); // garbage is collected soon
    assertThat(httpApi.post("{\"worker\": \"other\", \"payload\": \"\"}").statusCode()).isEqualTo(403);
    assertThat(httpApi.post("{\"payload\": \"nobody is there\"}").statusCode()).isEqualTo(502);
    try (App reverse = App.reverse(nats.url()).awaitReady()) {
      assertThat(httpApi.post("{\"worker\": \"reverse\", \"payload\": \"\"}").statusCode()).isEqualTo(502);
      assertThat(reverse.log()).doesNotContain("ERROR");
    }
    worker = App.taskLeet(nats.url(), "--messaging.durable.subscriptions=jobs.default").awaitReady();
    assertThat(httpApi.post("{\"payload\": \"Hello\"}").statusCode()).isEqualTo(200);
    scrape(httpApi, "http-api");
    scrape(worker, "task-leet");
  }

  @ParameterizedTest
  @MethodSource
  void queriesFindTheirSeriesAndLabels(String query) {
    List<String> labels = all(BY, query).flatMap(by -> Stream.of(by.group(1).split(", "))).toList();
    List<MatchResult> selectors = all(SELECTOR, BY.matcher(query).replaceAll("")).toList();

    assertThat(selectors).isNotEmpty();
    for (MatchResult selector : selectors) {
      List<Map<String, String>> found = SCRAPE.stream().filter(series -> selects(selector, series)).toList();
      assertThat(found).as(selector.group()).isNotEmpty().allMatch(series -> series.keySet().containsAll(labels));
    }
  }

  /** A worker's 4xx is 502, too, and not the system's failure. */
  @Test
  void errorRatesLeaveOutWhatAWorkerRejected() throws IOException {
    List<String> rates = queriesFindTheirSeriesAndLabels().filter(query -> query.contains("status=~\"5..\"")).toList();

    assertThat(rates).hasSize(2).allSatisfy(query -> assertThat(query).containsPattern(
        "status=~\"5..\"}\\[\\S+]\\)\\)\\s+- \\(sum by \\(job, instance\\) "
            + "\\(rate\\(messaging_request_seconds_count\\{reason=\"handler-rejected\""));
  }

  static Stream<String> queriesFindTheirSeriesAndLabels() throws IOException {
    List<String> queries = new ArrayList<>();
    for (String file : List.of("grafana/dashboards/workloads.json", "prometheus/alerts.yml")) {
      int before = queries.size();
      addQueries(new Yaml().load(Files.readString(Path.of("../deploy", file))), queries); // JSON is YAML, too
      assertThat(queries).as(file).hasSizeGreaterThan(before);
    }
    queries.add(Manifests.resource("ScaledObject", "task-leet").findValue("query").asString());
    return queries.stream();
  }

  private static void addQueries(Object node, List<String> queries) {
    if (node instanceof Map<?, ?> map) {
      if (map.get("expr") instanceof String query) {
        queries.add(query);
      }
      map.values().forEach(value -> addQueries(value, queries));
    } else if (node instanceof List<?> list) {
      list.forEach(value -> addQueries(value, queries));
    }
  }

  private static void scrape(App app, String job) throws IOException {
    all(SERIES, app.management("/actuator/prometheus").body()).forEach(line -> {
      // What Prometheus adds
      Map<String, String> series = new HashMap<>(Map.of(NAME, line.group(1), "job", job, "instance", job));
      if (line.group(2) != null) {
        all(MATCHER, line.group(2)).forEach(label -> series.put(label.group(1), label.group(3)));
      }
      SCRAPE.add(series);
    });
  }

  private static boolean selects(MatchResult selector, Map<String, String> series) {
    return selector.group(1).equals(series.get(NAME)) && (selector.group(2) == null
        || all(MATCHER, selector.group(2)).allMatch(matcher -> matches(matcher, series)));
  }

  private static boolean matches(MatchResult matcher, Map<String, String> series) {
    String value = series.getOrDefault(matcher.group(1), "");
    return switch (matcher.group(2)) {
      case "=" -> value.equals(matcher.group(3));
      case "!=" -> !value.equals(matcher.group(3));
      case "=~" -> value.matches(matcher.group(3));
      default -> !value.matches(matcher.group(3));
    };
  }

  private static Stream<MatchResult> all(Pattern pattern, String text) {
    return pattern.matcher(text).results();
  }
}
