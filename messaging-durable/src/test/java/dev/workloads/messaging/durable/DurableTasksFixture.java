package dev.workloads.messaging.durable;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.workloads.messaging.BrokerException;
import dev.workloads.messaging.BrokerException.Reason;
import dev.workloads.messaging.BrokerMessage;
import dev.workloads.messaging.BrokerMessageHandler;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Predicate;
import java.util.function.UnaryOperator;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.parallel.Execution;
import org.junit.jupiter.api.parallel.ExecutionMode;

/** A client and workers of a group of the test's own. */
@Execution(ExecutionMode.CONCURRENT)
public abstract class DurableTasksFixture {

  static final Duration TIMEOUT = Duration.ofSeconds(5);
  static final Duration PATIENCE = Duration.ofSeconds(20);
  static final Duration LEASE = Duration.ofSeconds(30); // longer than that: what must not wait for its end is found to
  static final Duration SHORT = Duration.ofSeconds(1);
  private static final AtomicInteger LAST = new AtomicInteger();

  final String worker = "worker" + LAST.incrementAndGet();
  final String group = "group-of-" + worker;
  final List<JobListenerContainer> containers = new ArrayList<>();
  final ExecutorService threads = Executors.newCachedThreadPool();
  final Queue<JobMetrics.Outcome> outcomes = new ConcurrentLinkedQueue<>();
  // Of the settings, as they are from then on
  int maxInFlight = 4;
  Duration lease = LEASE;
  Duration maxRuntime = Duration.ofMinutes(1);
  int maxAttempts = 3;
  List<Duration> backoff = List.of(Duration.ofMillis(100), Duration.ofMillis(300));
  Duration drainTimeout = PATIENCE;
  ObservedStore store;
  DurableTasks tasks;

  /** Returns the kind of store that is tested. */
  protected abstract TestedStore tested();

  @BeforeEach
  void createClient() {
    use(tested().store());
  }

  /** Has client and workers use the store from now on. */
  void use(DurableStore real) {
    store = new ObservedStore(real);
    tasks = new DurableTasks(store, Duration.ofMillis(100), UnaryOperator.identity());
  }

  @AfterEach
  void stop() {
    threads.shutdownNow();
    containers.forEach(JobListenerContainer::stop);
    tasks.close();
  }

  JobSettings settings() {
    return settings(group, worker);
  }

  JobSettings settings(String group, String worker) {
    return new JobSettings(group, List.of("jobs." + worker), maxInFlight, lease, maxRuntime, maxAttempts, backoff,
        drainTimeout);
  }

  void provision() {
    tested().provision(settings());
  }

  JobListenerContainer start(BrokerMessageHandler handler) {
    provision();
    return start(settings(), handler);
  }

  /** Starts a worker of a queue that is there. */
  JobListenerContainer start(JobSettings settings, BrokerMessageHandler handler) {
    return startReporting(settings, (job, progress) -> handler.handle(job));
  }

  /** Starts a worker that may report progress, of a queue that is there. */
  JobListenerContainer startReporting(JobSettings settings, JobHandler handler) {
    JobListenerContainer container = new JobListenerContainer(store, settings, Map.of(settings.subjects().get(0), handler),
        Thread::new, new JobMetrics() {
          @Override
          public void ended(Outcome outcome) {
            outcomes.add(outcome);
          }
        });
    containers.add(container);
    container.start();
    return container;
  }

  /** Has each job be handed out again after a second unless its worker, whose own lease is longer, ends it. */
  void provisionWithShortLease() {
    lease = SHORT;
    provision();
    lease = LEASE;
    store.keepQueueLease(SHORT);
  }

  // They are counted when the state can be seen already
  void assertOutcomes(JobMetrics.Outcome... expected) {
    Awaitility.await().untilAsserted(() -> assertThat(outcomes).containsExactly(expected));
  }

  static BrokerMessage job(String worker, String payload) {
    return new BrokerMessage("jobs." + worker, payload.getBytes(UTF_8));
  }

  long backlog() {
    return Objects.requireNonNull(containers.get(0).backlog(TIMEOUT)).jobs();
  }

  void awaitEmptyQueue() {
    Awaitility.await().until(() -> backlog() == 0);
  }

  /** Returns how often a job was handed to one of the workers. */
  long handed() {
    return store.done().stream().filter("handed"::equals).count();
  }

  List<BrokerMessage> deadLetters() throws Exception {
    return tested().deadLetters(group);
  }

  TaskStatus submit(String payload) {
    return submit(payload, null);
  }

  TaskStatus submit(String payload, String key) {
    return tasks.submit(worker, payload.getBytes(UTF_8), key, TIMEOUT);
  }

  TaskStatus awaitFinished(String id) throws InterruptedException {
    return await(id, status -> status.state().isFinished());
  }

  TaskStatus await(String id, Predicate<TaskStatus> wanted) throws InterruptedException {
    TaskStatus known = Objects.requireNonNull(tasks.find(id, TIMEOUT));
    TaskStatus status = Objects.requireNonNull(tasks.await(known, wanted, PATIENCE, TIMEOUT));
    assertThat(wanted).as("%s", status).accepts(status);
    return status;
  }

  /** Returns all that is kept of a task. */
  TaskRecord record(String id) {
    return Objects.requireNonNull(new TaskRegister(store).findLatest(id, TIMEOUT)).task();
  }

  String resultText(TaskStatus done) {
    return new String(Objects.requireNonNull(tasks.result(done, TIMEOUT)).body(), UTF_8);
  }

  static void assertFails(Reason reason, Runnable call) {
    assertThatExceptionOfType(BrokerException.class).isThrownBy(call::run)
        .extracting(BrokerException::reason).isEqualTo(reason);
  }
}
