package dev.workloads.messaging.durable.autoconfigure;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.workloads.messaging.BrokerException;
import dev.workloads.messaging.BrokerMessage;
import dev.workloads.messaging.BrokerMessageHandler;
import dev.workloads.messaging.MessageRejectedException;
import dev.workloads.messaging.MessageTransport;
import dev.workloads.messaging.MessagingClient;
import dev.workloads.messaging.annotation.NatsListener;
import dev.workloads.messaging.autoconfigure.KnownPropertiesOnly;
import dev.workloads.messaging.autoconfigure.MessagingAutoConfiguration;
import dev.workloads.messaging.autoconfigure.MessagingMetricsAutoConfiguration;
import dev.workloads.messaging.durable.DurableStore;
import dev.workloads.messaging.durable.DurableTasks;
import dev.workloads.messaging.durable.JobListenerContainer;
import dev.workloads.messaging.durable.JobSettings;
import dev.workloads.messaging.durable.Progress;
import dev.workloads.messaging.durable.TaskProgress;
import dev.workloads.messaging.durable.TaskProgresses;
import dev.workloads.messaging.durable.TaskResult;
import dev.workloads.messaging.durable.TaskStatus;
import dev.workloads.messaging.durable.inprocess.InProcessStore;
import dev.workloads.messaging.durable.jetstream.JetStreamProvisioner;
import dev.workloads.messaging.durable.jetstream.JetStreamStore;
import dev.workloads.messaging.durable.operations.TaskOperations;
import dev.workloads.messaging.test.NatsServer;
import dev.workloads.messaging.testing.FailedStart;
import io.micrometer.core.instrument.Meter;
import io.micrometer.core.instrument.MeterRegistry;
import io.micrometer.core.instrument.binder.MeterBinder;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import io.micrometer.observation.ObservationHandler;
import io.micrometer.observation.ObservationRegistry;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.net.Socket;
import java.net.URL;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.springframework.boot.autoconfigure.AutoConfigurations;
import org.springframework.boot.health.contributor.Health;
import org.springframework.boot.health.contributor.HealthIndicator;
import org.springframework.boot.health.contributor.Status;
import org.springframework.boot.test.context.assertj.AssertableApplicationContext;
import org.springframework.boot.test.context.runner.ApplicationContextRunner;
import org.springframework.boot.test.system.CapturedOutput;
import org.springframework.boot.test.system.OutputCaptureExtension;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.messaging.handler.annotation.Header;

@ExtendWith(OutputCaptureExtension.class)
class DurableAutoConfigurationTests {

  private static final Duration TIMEOUT = Duration.ofSeconds(5);
  private static final String IN_PROCESS = "messaging.transport=in-process";
  private static final String SUBSCRIPTIONS = "messaging.durable.subscriptions=jobs.leet";

  private final ApplicationContextRunner runner = new ApplicationContextRunner()
      .withConfiguration(AutoConfigurations.of(MessagingAutoConfiguration.class, DurableAutoConfiguration.class,
          DurableHealthAutoConfiguration.class, DurableMetricsAutoConfiguration.class))
      .withPropertyValues("spring.application.name=app", "messaging.discovery.enabled=false");
  private final ApplicationContextRunner inProcess = runner.withPropertyValues(IN_PROCESS);
  private final ApplicationContextRunner worker = inProcess.withBean(BrokerMessageHandler.class, Handler::new)
      .withPropertyValues("messaging.subscriptions=tasks.>");
  private final ApplicationContextRunner annotated = inProcess.withBean(Annotated.class);

  @Test
  void endpointOfOperatorsNeedsAccess() {
    ApplicationContextRunner operated = inProcess.withConfiguration(AutoConfigurations.of(DurableEndpointAutoConfiguration.class))
        .withPropertyValues("messaging.durable.enabled=true", "management.endpoints.web.exposure.include=tasks");
    operated.run(context -> assertThat(context).hasNotFailed().doesNotHaveBean(TaskOperations.class));
    operated.withPropertyValues("management.endpoint.tasks.access=READ_ONLY")
        .run(context -> assertThat(context).hasSingleBean(TaskOperations.class));
  }

  @Test
  void thereIsNothingByDefault() {
    for (ApplicationContextRunner each : List.of(worker, worker.withPropertyValues("messaging.durable.enabled=false",
        "messaging.durable.max-in-flight=3"))) {
      each.run(context -> assertThat(context).hasNotFailed().doesNotHaveBean(DurableStore.class)
          .doesNotHaveBean(DurableTasks.class).doesNotHaveBean(JobListenerContainer.class)
          .doesNotHaveBean("durableTasksHealthIndicator"));
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"true", "ON", "yes"})
  void submitterHasAClientAndNoWorker(String on) {
    inProcess.withPropertyValues("messaging.durable.enabled=" + on).run(context -> assertThat(context).hasNotFailed()
        .hasSingleBean(InProcessStore.class).hasSingleBean(DurableTasks.class).doesNotHaveBean(JobSettings.class)
        .doesNotHaveBean(JobListenerContainer.class));
  }

  @Test
  void subscriptionsMakeAWorker() {
    worker.withPropertyValues(SUBSCRIPTIONS, "messaging.drain-timeout=3s").run(context -> {
      assertThat(context).hasSingleBean(DurableTasks.class).hasSingleBean(JobListenerContainer.class);
      assertThat(context.getBean(JobSettings.class)).isEqualTo(new JobSettings("app", List.of("jobs.leet"), 16,
          Duration.ofSeconds(30), Duration.ofMinutes(15), 5, List.of(Duration.ofSeconds(1), Duration.ofSeconds(5),
              Duration.ofSeconds(30), Duration.ofMinutes(2)), Duration.ofSeconds(3)));
      assertThat(result(context, "leet", "x")).isEqualTo("handled jobs.leet");
      assertThat(context.getBean(MessagingClient.class).request("tasks.leet", new byte[0], TIMEOUT).text())
          .as("requests are handled as before").isEqualTo("handled tasks.leet");
    });
  }

  @Test
  void propertiesAreTheWorkersSettings() {
    worker.withPropertyValues("messaging.durable.subscriptions=jobs.a,jobs.b", "messaging.consumer-group=g",
        "messaging.durable.max-in-flight=2", "messaging.durable.ack-wait=2s", "messaging.durable.max-runtime=3s",
        "messaging.durable.max-attempts=4", "messaging.durable.backoff=5s,6s", "messaging.drain-timeout=7s")
        .run(context -> assertThat(context.getBean(JobSettings.class)).isEqualTo(new JobSettings("g",
            List.of("jobs.a", "jobs.b"), 2, Duration.ofSeconds(2), Duration.ofSeconds(3), 4,
            List.of(Duration.ofSeconds(5), Duration.ofSeconds(6)), Duration.ofSeconds(7))));
  }

  @Test
  void workerStopsWithItsContext() {
    worker.withPropertyValues(SUBSCRIPTIONS).run(context -> {
      JobListenerContainer container = context.getBean(JobListenerContainer.class);
      assertThat(container.isRunning()).isTrue();
      context.getSourceApplicationContext().close();
      assertThat(container.isRunning()).isFalse();
    });
  }

  @Test
  void listenerMethodTakesDurableTasks() {
    annotated.withPropertyValues("messaging.durable.subscriptions=jobs.shout")
        .run(context -> assertThat(result(context, "shout", "hello")).isEqualTo("HELLO 1"));
  }

  @Test
  void listenerMethodReportsProgressOfADurableTaskAndOfARequestNothing() {
    annotated.withPropertyValues("messaging.durable.subscriptions=jobs.report").run(context -> {
      assertThat(reported(context, "report")).isEqualTo(new Progress(40, "of 10 bytes"));
      assertThat(request(context, "report")).isEqualTo("reported");
    });
    annotated.run(context -> assertThat(request(context, "report")).as("without durable tasks").isEqualTo("reported"));
  }

  @Test
  void handlerBeanFindsTheProgressOfItsMessage() {
    inProcess.withBean(Reporting.class).withPropertyValues("messaging.subscriptions=tasks.>", SUBSCRIPTIONS).run(context -> {
      assertThat(reported(context, "leet")).isEqualTo(new Progress(40, "of 10 bytes"));
      assertThat(request(context, "leet")).isEqualTo("reported");
    });
  }

  @Test
  void requestThatReportsOutOfBoundsFailsAsATaskDoes() {
    annotated.run(context -> assertThatExceptionOfType(BrokerException.class).isThrownBy(() -> context
        .getBean(MessagingClient.class).request("tasks.report", new byte[101], TIMEOUT)).withMessage("handler failed"));
  }

  private static String request(AssertableApplicationContext context, String worker) {
    BrokerMessage request = new BrokerMessage("tasks." + worker, new byte[10]).withHeader("Task-Progress", "a-guess");
    return context.getBean(MessagingClient.class).request(request, TIMEOUT).text();
  }

  /** Returns what the handler has reported of a task that fails. */
  private static Progress reported(AssertableApplicationContext context, String worker) throws InterruptedException {
    DurableTasks tasks = context.getBean(DurableTasks.class);
    TaskStatus task = tasks.submit(worker, new byte[10], null, TIMEOUT);
    return Objects.requireNonNull(tasks.await(task, status -> status.state().isFinished(), TIMEOUT, TIMEOUT)).progress();
  }

  @Test
  void eachSubjectGoesToTheListenerOfItsName() {
    worker.withBean(Annotated.class).withPropertyValues("messaging.subscriptions=",
        "messaging.listeners.broker-message-handler.subscriptions=tasks.leet")
        .withPropertyValues("messaging.durable.subscriptions=jobs.leet,jobs.shout").run(context -> {
          assertThat(result(context, "shout", "hello")).isEqualTo("HELLO 1");
          assertThat(result(context, "leet", "hello")).isEqualTo("handled jobs.leet");
        });
  }

  @Test
  void subscriptionThatNoListenerHandlesStopsTheStart() {
    assertThat(FailedStart.report(annotated.withPropertyValues("messaging.durable.subscriptions=jobs.shuot")))
        .contains("messaging.durable.subscriptions", "jobs.shuot", "No listener handles tasks.shuot");
  }

  @ParameterizedTest
  @ValueSource(strings = {"tasks.shout", "jobs.>", "jobs.*", "jobs.", "jobs.a b"})
  void subscriptionThatIsNoSubjectOfJobsStopsTheStart(String subject) {
    assertThat(FailedStart.report(worker.withPropertyValues("messaging.durable.subscriptions=" + subject)))
        .contains("messaging.durable.subscriptions", subject, "must be jobs. and the name of a worker");
  }

  @Test
  void tasksOfSeveralGroupsOrOfNoneStopTheStart() {
    assertThat(FailedStart.report(annotated.withPropertyValues("messaging.listeners.other.consumer-group=elsewhere",
        "messaging.durable.subscriptions=jobs.shout,jobs.other")))
        .contains("messaging.durable.subscriptions", "elsewhere", "they must be in one group");
    assertThat(FailedStart.report(annotated.withPropertyValues("messaging.listeners.shout.consumer-group=broadcast",
        "messaging.durable.subscriptions=jobs.shout"))).contains("broadcast", "they must be in one group");
  }

  @ParameterizedTest
  @CsvSource(delimiter = '|', textBlock = """
      max-in-flight | 0     | must be at least 1
      ack-wait      | 999ms | must be from 1 s to 36500 d
      ack-wait      | PT1000000000000H | must be from 1 s to 36500 d
      max-runtime   | 0s    | must be from 1 ms to 36500 d
      max-runtime   | PT2000000000000H | must be from 1 ms to 36500 d
      max-attempts  | 0     | must be at least 1
      backoff       | 1s,-2s | none of them negative
      backoff       | 1s,36501d | or longer than 36500 d
      retention     | 999ms | must be from 1 s to 36500 d
      retention     | -1d   | must be from 1 s to 36500 d
      retention     | 3000000h | must be from 1 s to 36500 d
      max-jobs      | 0     | must be at least 1
      max-bytes     | 0B    | must be from 1 byte to 10 TB
      max-bytes     | 100TB | must be from 1 byte to 10 TB
      replicas      | 6     | must be from 1 to 5
      replicas      | 0     | must be from 1 to 5
      subscriptions | jobs.leet,jobs.leet | must name each subject once
      """)
  void valueOutOfRangeStopsTheStart(String property, String value, String rule) {
    assertThat(FailedStart.report(worker.withPropertyValues(SUBSCRIPTIONS, "messaging.durable." + property + "=" + value)))
        .contains("messaging.durable." + property, rule);
  }

  @ParameterizedTest
  @CsvSource({"ack-wait,soon", "enabled,maybe", "max-bytes,lots", "max-bytes,99999999TB", "max-in-flight,99999999999",
      "max-jobs,99999999999999999999", "retention,PT9999999999999999999H"})
  void valueOfTheWrongKindStopsTheStart(String property, String value) {
    assertThat(FailedStart.report(worker.withPropertyValues(SUBSCRIPTIONS, "messaging.durable." + property + "=" + value)))
        .contains("messaging.durable." + property, value);
  }

  @ParameterizedTest
  @CsvSource({"15m,30s,PT15M30S", "1s,16m,PT16M30S"})
  void retentionThatEndsBeforeTheNextAttemptStopsTheStart(String backoff, String ackWait, Duration needed) {
    ApplicationContextRunner each = worker.withPropertyValues(SUBSCRIPTIONS, "messaging.durable.max-runtime=30s",
        "messaging.durable.backoff=" + backoff + ",1s", "messaging.durable.ack-wait=" + ackWait);
    assertThat(FailedStart.report(each.withPropertyValues("messaging.durable.retention=" + needed.minusSeconds(1))))
        .contains("messaging.durable.retention", "must be at least " + needed, "max-runtime", "is lost");
    each.withPropertyValues("messaging.durable.retention=" + needed)
        .run(context -> assertThat(context).hasNotFailed());
  }

  @Test
  void retentionOfWhoOnlySubmitsIsNotMeasuredByAttempts() {
    inProcess.withPropertyValues("messaging.durable.enabled=true", "messaging.durable.retention=1s")
        .run(context -> assertThat(context).hasNotFailed());
  }

  @ParameterizedTest
  @ValueSource(strings = {"my.app", "hw*", ">", "a/b", "DEAD", "my@app"})
  void groupThatNamesNoStreamStopsTheStart(String group) {
    for (ApplicationContextRunner each : List.of(worker, annotated, runner.withPropertyValues(
        "messaging.durable.provision-only=true", "messaging.listener.enabled=false",
        "messaging.nats.servers=nats://127.0.0.1:1"))) {
      for (String property : List.of("messaging.consumer-group=", "spring.application.name=")) {
        assertThat(FailedStart.report(each.withPropertyValues("messaging.durable.subscriptions=jobs.shout",
            property + group))).contains("messaging.consumer-group", group, "letters, digits, - and _");
      }
    }
  }

  @Test
  void initStepWithoutAGroupOrSubjectsOfItsOwnStopsWithASentence() {
    ApplicationContextRunner init = runner.withPropertyValues("messaging.durable.provision-only=true", "messaging.listener.enabled=false",
        "messaging.nats.servers=nats://127.0.0.1:1", SUBSCRIPTIONS);
    assertThat(FailedStart.report(init.withPropertyValues("spring.application.name=", "messaging.consumer-group=")))
        .contains("messaging.consumer-group");
    assertThat(FailedStart.report(init.withPropertyValues("messaging.consumer-group=broadcast")))
        .contains("messaging.consumer-group", "neither DEAD nor broadcast");
    assertThat(FailedStart.report(init.withPropertyValues("messaging.durable.subscriptions=tasks.leet")))
        .contains("messaging.durable.subscriptions", "tasks.leet", "must be jobs. and the name of a worker");
    assertThat(FailedStart.report(init.withPropertyValues("messaging.durable.provision=false")))
        .contains("messaging.durable.provision-only", "needs messaging.durable.provision");
  }

  @Test
  void initStepThatWouldNeverEndStopsWithASentence() {
    ApplicationContextRunner init = runner.withPropertyValues("messaging.durable.provision-only=true",
        "messaging.nats.servers=nats://127.0.0.1:1");
    for (ApplicationContextRunner each : List.of(init, init.withPropertyValues(SUBSCRIPTIONS, "messaging.durable.enabled=false"))) {
      assertThat(FailedStart.report(each)).contains("messaging.durable.provision-only",
          "needs messaging.durable.subscriptions, or messaging.durable.enabled=true to prepare the bucket alone");
    }
    assertThat(FailedStart.report(init.withPropertyValues(IN_PROCESS, SUBSCRIPTIONS)))
        .contains("messaging.durable.provision-only", "set messaging.transport=nats");
    assertThat(FailedStart.report(init.withPropertyValues(SUBSCRIPTIONS, "messaging.subscriptions=tasks.>")
        .withBean(BrokerMessageHandler.class, Handler::new)))
        .contains("messaging.durable.provision-only", "set messaging.listener.enabled=false");
  }

  @Test
  void initStepWithoutListenersNeedsNotSwitchThemOff() {
    for (String what : List.of(SUBSCRIPTIONS, "messaging.durable.enabled=true")) {
      runner.withPropertyValues("messaging.durable.provision-only=true", "messaging.nats.servers=nats://127.0.0.1:1", what)
          .run(context -> assertThat(context).hasNotFailed().hasBean("endOnceProvisioned")
              .doesNotHaveBean(JobListenerContainer.class));
    }
  }

  @Test
  void subjectOfAnotherGroupStopsTheStartInProcess() {
    InProcessStore store = new InProcessStore(Duration.ofHours(1), 1000, 10);
    store.open("other", List.of("jobs.leet"), Duration.ofSeconds(30));
    assertThat(FailedStart.report(worker.withPropertyValues(SUBSCRIPTIONS).withBean(DurableStore.class, () -> store)))
        .contains("The group app cannot take jobs.leet, which belongs to the group other");
  }

  @Test
  void unknownPropertyStopsTheStartAndTheNearestIsNamed() {
    ApplicationContextRunner strict = worker.withInitializer(new KnownPropertiesOnly("messaging"));
    assertThat(FailedStart.report(strict.withPropertyValues(SUBSCRIPTIONS, "messaging.durable.max-atempts=3")))
        .contains("There is no property 'messaging.durable.max-atempts'", "Did you mean 'messaging.durable.max-attempts'?");
    assertThat(FailedStart.report(strict.withPropertyValues(SUBSCRIPTIONS, "messaging.max-in-flght=3")))
        .contains("There is no property 'messaging.max-in-flght'", "Did you mean 'messaging.max-in-flight'?")
        .doesNotContain("messaging.durable");
    assertThat(FailedStart.report(strict.withPropertyValues("messaging.durabel.enabled=true")))
        .contains("There is no property 'messaging.durabel.enabled'", "Did you mean 'messaging.durable.enabled'?");
    assertThat(FailedStart.report(strict.withPropertyValues("messaging.durable.subscripions=jobs.reverse")))
        .contains("'messaging.durable.subscripions'", "Did you mean 'messaging.durable.subscriptions'?");
  }

  @Test
  void everyPropertyIsDescribed() throws Exception {
    StringBuilder metadata = new StringBuilder();
    for (URL each : Collections.list(getClass().getClassLoader()
        .getResources("META-INF/spring-configuration-metadata.json"))) {
      metadata.append(new String(each.openStream().readAllBytes(), StandardCharsets.UTF_8));
    }
    for (var property : DurableProperties.class.getRecordComponents()) {
      String name = property.getName().replaceAll("([A-Z])", "-$1").toLowerCase(Locale.ROOT)
          .replaceFirst("^operations$", "operations.allowed-hosts");
      assertThat(metadata).containsPattern("\"name\": \"messaging.durable." + name + "\",\\s*\"type\": \"[^\"]+\","
          + "\\s*\"description\": \"[^\"]{20}");
    }
  }

  @Test
  void ownBeansTakeTheirPlaces() {
    InProcessStore store = new InProcessStore(Duration.ofHours(1), 1000, 10);
    HealthIndicator health = () -> Health.unknown().build();
    MeterBinder meters = registry -> { };
    worker.withPropertyValues(SUBSCRIPTIONS).withBean(DurableStore.class, () -> store)
        .withBean("durableTasksHealthIndicator", HealthIndicator.class, () -> health)
        .withBean("backlogMetrics", MeterBinder.class, () -> meters)
        .withBean("storeMetrics", MeterBinder.class, () -> meters).withBean(MeterRegistry.class, SimpleMeterRegistry::new)
        .run(context -> {
          assertThat(context.getBean(DurableStore.class)).isSameAs(store);
          assertThat(context.getBean(HealthIndicator.class)).isSameAs(health);
          assertThat(context.getBeansOfType(MeterBinder.class)).hasSize(2).allSatisfy((name, binder) ->
              assertThat(binder).as(name).isSameAs(meters));
        });
  }

  @Test
  void metersSayWhatTheyCount() {
    worker.withPropertyValues(SUBSCRIPTIONS).withBean(MeterRegistry.class, SimpleMeterRegistry::new).run(context -> {
      MeterRegistry meters = context.getBean(MeterRegistry.class);
      context.getBeansOfType(MeterBinder.class).values().forEach(binder -> binder.bindTo(meters));
      assertThat(result(context, "leet", "x")).isNotEmpty();
      List<String> names = List.of("messaging.durable.queue.time", "messaging.durable.result.time",
          "messaging.durable.attempts", "messaging.durable.in.flight", "messaging.durable.backlog",
          "messaging.durable.oldest.age", "messaging.durable.store.available");
      assertThat(meters.getMeters()).extracting(meter -> meter.getId().getName()).containsAll(names);
      assertThat(meters.getMeters()).filteredOn(meter -> names.contains(meter.getId().getName()))
          .extracting(Meter::getId).allSatisfy(id -> assertThat(id.getDescription()).isNotBlank());
      Awaitility.await().untilAsserted(() -> {
        assertThat(meters.get("messaging.durable.attempts").tag("outcome", "succeeded").counter().count()).isEqualTo(1);
        assertThat(meters.get("messaging.durable.queue.time").timer().count()).isEqualTo(1);
        assertThat(meters.get("messaging.durable.result.time").timer().count()).isEqualTo(1);
      });
      assertThat(meters.get("messaging.durable.backlog").gauge().value()).isZero();
      assertThat(meters.get("messaging.durable.oldest.age").gauge().value()).isZero();
    });
  }

  @Test
  void submissionsAndJobsAreTimedByTheNamesOfOpenTelemetry() {
    worker.withConfiguration(AutoConfigurations.of(MessagingMetricsAutoConfiguration.class))
        .withUserConfiguration(Observed.class).withPropertyValues(SUBSCRIPTIONS, "messaging.otel-metrics=true")
        .run(context -> {
          assertThat(result(context, "leet", "x")).isNotEmpty();
          MeterRegistry meters = context.getBean(MeterRegistry.class);
          assertThat(meters.get("messaging.client.operation.duration").timer().count()).isEqualTo(1);
          Awaitility.await().untilAsserted(() ->
              assertThat(meters.get("messaging.process.duration").timer().count()).isEqualTo(1));
        });
  }

  @Test
  void meterSaysWhetherTasksCanBeKeptAlsoWhereNoneAreTaken() {
    inProcess.withPropertyValues("messaging.durable.enabled=true").withBean(MeterRegistry.class, SimpleMeterRegistry::new)
        .run(context -> assertThat(storeAvailable(context)).isEqualTo(1));
    try (NatsServer server = NatsServer.start()) {
      runner.withPropertyValues("messaging.nats.servers=" + server.url(), "messaging.durable.enabled=true",
          "messaging.durable.provision=false").withBean(MeterRegistry.class, SimpleMeterRegistry::new).run(context -> {
            assertThat(context).doesNotHaveBean(JobListenerContainer.class);
            Awaitility.await().until(context.getBean(MessageTransport.class)::isReady);
            assertThat(storeAvailable(context)).isZero();
          });
    }
  }

  private static double storeAvailable(AssertableApplicationContext context) {
    MeterRegistry meters = context.getBean(MeterRegistry.class);
    context.getBean("storeMetrics", MeterBinder.class).bindTo(meters);
    return meters.get("messaging.durable.store.available").gauge().value();
  }

  @Test
  void natsKeepsTasksInJetStream(@TempDir Path directory) {
    try (NatsServer server = NatsServer.start("-js", "-sd", directory.toString())) {
      runner.withPropertyValues("messaging.nats.servers=" + server.url(), "messaging.subscriptions=tasks.>", SUBSCRIPTIONS)
          .withBean(BrokerMessageHandler.class, Handler::new).run(context -> {
            assertThat(context).hasSingleBean(JetStreamStore.class).hasSingleBean(JetStreamProvisioner.class);
            Awaitility.await().untilAsserted(() -> assertThat(health(context).getStatus()).isEqualTo(Status.UP));
            assertThat(result(context, "leet", "x")).isEqualTo("handled jobs.leet");
          });
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"false", "OFF", "no"})
  void nothingIsCreatedWhereItMustNot(String off) {
    runner.withPropertyValues("messaging.nats.servers=nats://127.0.0.1:1", "messaging.durable.enabled=true",
        "messaging.durable.provision=" + off).run(context -> assertThat(context).hasSingleBean(JetStreamStore.class)
            .doesNotHaveBean(JetStreamProvisioner.class));
  }

  @Test
  void healthSaysWhyNoTasksAreTaken() {
    try (NatsServer server = NatsServer.start()) {
      runner.withPropertyValues("messaging.nats.servers=" + server.url(), "messaging.subscriptions=tasks.>", SUBSCRIPTIONS,
          "messaging.durable.provision=false").withBean(BrokerMessageHandler.class, Handler::new).run(context -> {
            assertThat(context).hasNotFailed().doesNotHaveBean(JetStreamProvisioner.class);
            Awaitility.await().untilAsserted(() -> assertThat(health(context).getDetails().get("problem")).asString()
                .startsWith("the bucket TASKS is not there, or JetStream is off here"));
            assertThat(health(context).getStatus()).isEqualTo(Status.DOWN);
          });
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"$KV.>", "$JS.API.CONSUMER.MSG.NEXT.>", "$JS.API.STREAM.MSG.GET.>"})
  void idleWorkerThatMayNotTakeOrRecordTasksIsDown(String denied, @TempDir Path directory) throws Exception {
    Path configuration = Files.writeString(directory.resolve("nats.conf"), """
        jetstream { store_dir: "%s" }
        authorization { users: [ { user: app, password: secret, permissions: { publish: { deny: "%s" } } } ] }
        """.formatted(directory, denied));
    try (NatsServer server = NatsServer.start("-c", configuration.toString())) {
      runner.withPropertyValues("messaging.nats.servers=" + server.url(), "messaging.nats.username=app",
          "messaging.nats.password=secret", "messaging.subscriptions=tasks.>", SUBSCRIPTIONS)
          .withBean(BrokerMessageHandler.class, Handler::new).run(context -> {
            Awaitility.await().untilAsserted(() -> assertThat(health(context).getDetails().get("problem")).asString()
                .containsAnyOf("the message broker does not let messages be sent to $", "does not answer"));
            assertThat(health(context).getStatus()).isEqualTo(Status.DOWN);
          });
    }
  }

  @ParameterizedTest
  @CsvSource({"in-process,throws", "in-process,rejects", "in-process,nameless", "in-process,unreadable", "nats,throws",
      "nats,nameless", "nats,no-ascii"})
  void logOfAWorkerWithAThousandPoisonJobsIsShort(String transport, String kind, @TempDir Path directory,
      CapturedOutput output) {
    try (NatsServer server = NatsServer.start("-js", "-sd", directory.toString())) {
      runner.withPropertyValues("messaging.nats.servers=" + server.url(), "messaging.transport=" + transport,
          "messaging.subscriptions=tasks.>", SUBSCRIPTIONS, "messaging.durable.backoff=100ms,300ms")
          .withBean(BrokerMessageHandler.class, () -> message -> {
            if (kind.equals("rejects")) {
              throw new MessageRejectedException("as the test wants");
            }
            throw new IllegalStateException("as the test wants");
          }).run(context -> {
            JobListenerContainer container = context.getBean(JobListenerContainer.class);
            Awaitility.await().ignoreExceptionsInstanceOf(BrokerException.class) // until the queue is provisioned
                .until(() -> container.backlog(TIMEOUT) != null);
            for (int i = 0; i < 1000; i++) {
              poison(context, kind, i, server);
            }
            Awaitility.await().until(() ->
                Objects.requireNonNull(container.backlog(TIMEOUT)).jobs() == 0);
          });
    }
    long lines = output.getAll().lines().count();
    System.out.println("1000 jobs of kind " + kind + " over " + transport + ": " + lines + " lines");
    assertThat(lines).isLessThan(200);
    assertThat(output).contains("more failures were not logged (");
    if (kind.equals("throws")) {
      assertThat(output).contains("Failed to handle a message (subject jobs.leet, listener ", "\tat ",
          "An attempt has failed, the next one is in PT0.1S (task ", "more failures were not logged (listener ");
    }
  }

  private static void poison(AssertableApplicationContext context, String kind, int number, NatsServer server)
      throws Exception {
    DurableStore store = context.getBean(DurableStore.class);
    BrokerMessage job = BrokerMessage.of("jobs.leet", "poison");
    String id = "a-poison-job-of-the-number-" + number;
    switch (kind) {
      case "nameless" -> store.append(job, id, TIMEOUT);
      case "unreadable" -> {
        store.put(id, new byte[] {'{'}, null, TIMEOUT);
        store.append(job.withHeader("Task-Id", id), id, TIMEOUT);
      }
      case "no-ascii" -> {
        try (Socket other = new Socket("127.0.0.1", server.port())) {
          byte[] headers = "NATS/1.0\r\nName: J\u00fcrgen\r\n\r\n".getBytes(StandardCharsets.UTF_8);
          other.getOutputStream().write(("CONNECT {\"verbose\":false,\"headers\":true}\r\nHPUB jobs.leet " + headers.length
              + " " + headers.length + "\r\n" + new String(headers, StandardCharsets.UTF_8) + "\r\nPING\r\n")
              .getBytes(StandardCharsets.UTF_8));
          new BufferedReader(new InputStreamReader(other.getInputStream(), StandardCharsets.UTF_8)).lines()
              .filter("PONG"::equals).findFirst();
        }
      }
      default -> context.getBean(DurableTasks.class).submit("leet", job.body(), null, TIMEOUT);
    }
  }

  private static Health health(AssertableApplicationContext context) {
    return Objects.requireNonNull(context.getBean("durableTasksHealthIndicator", HealthIndicator.class).health());
  }

  private static String result(AssertableApplicationContext context, String worker, String payload)
      throws InterruptedException {
    DurableTasks tasks = context.getBean(DurableTasks.class);
    TaskStatus task = tasks.submit(worker, payload.getBytes(StandardCharsets.UTF_8), null, TIMEOUT);
    TaskStatus done = tasks.await(task, status -> status.state().isFinished(), Duration.ofSeconds(10), TIMEOUT);
    TaskResult result = Objects.requireNonNull(tasks.result(Objects.requireNonNull(done), TIMEOUT));
    return new String(result.body(), StandardCharsets.UTF_8);
  }

  static final class Handler implements BrokerMessageHandler {

    @Override
    public BrokerMessage handle(BrokerMessage message) {
      return message.reply("handled " + message.subject());
    }
  }

  @Configuration(proxyBeanMethods = false)
  static class Observed {

    @Bean
    MeterRegistry meters() {
      return new SimpleMeterRegistry();
    }

    @Bean
    ObservationRegistry observations(ObservationHandler<?> handler) {
      ObservationRegistry registry = ObservationRegistry.create();
      registry.observationConfig().observationHandler(handler);
      return registry;
    }
  }

  record Reporting(TaskProgresses progresses) implements BrokerMessageHandler {

    @Override
    public BrokerMessage handle(BrokerMessage message) {
      return message.reply(report(message.body(), message.header("Task-Id"), progresses.of(message)));
    }

    static String report(byte[] body, String taskId, TaskProgress progress) {
      progress.report(4 * body.length, "of " + body.length + " bytes");
      if (taskId != null) {
        throw new MessageRejectedException("as the test wants"); // it keeps its progress
      }
      return "reported";
    }
  }

  static class Annotated {

    @NatsListener(subjects = "tasks.report")
    String report(byte[] body, TaskProgress progress, @Header(name = "Task-Id", required = false) String taskId) {
      return Reporting.report(body, taskId, progress);
    }

    @NatsListener(subjects = "tasks.shout")
    String shout(String text, @Header("Task-Attempt") int attempt) {
      return text.toUpperCase(Locale.ROOT) + " " + attempt;
    }

    @NatsListener(subjects = "tasks.other")
    String other(String text) {
      return text;
    }
  }
}
