package dev.workloads.messaging.durable.jetstream;

import dev.workloads.messaging.BrokerException;
import dev.workloads.messaging.MessageTransport;
import dev.workloads.messaging.durable.JobSettings;
import dev.workloads.messaging.durable.ProvisioningException;
import dev.workloads.messaging.durable.jetstream.JetStreamBuilder.Finding;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.event.Level;
import org.springframework.context.SmartLifecycle;

/**
 * Creates the bucket, and a worker's streams and consumer, where they are missing. Adds to and enlarges what is there, and logs
 * what differs otherwise. A thread of its own does so: it tries until the broker lets it, and again once something is missing.
 */
public final class JetStreamProvisioner implements SmartLifecycle {

  private static final Logger log = LoggerFactory.getLogger(JetStreamProvisioner.class);
  private static final Duration PAUSE = Duration.ofSeconds(1);

  private final JetStreamBuilder builder;
  private volatile @Nullable Thread thread;
  // All of these under this
  private boolean provisioned;
  private @Nullable BrokerException problem;
  private List<Finding> findings = List.of();

  /**
   * Creates a provisioner.
   *
   * @param worker the worker whose streams are wanted, or {@code null} if the bucket is enough
   */
  public JetStreamProvisioner(MessageTransport transport, String bucket, JetStreamLimits limits,
      @Nullable JobSettings worker) {
    this.builder = new JetStreamBuilder(new JetStreamApi(transport), JetStreamAsset.all(bucket, limits, worker));
  }

  @Override
  public void start() {
    Thread started = new Thread(this::provisionOnDemand, "jetstream-provisioner");
    started.setDaemon(true);
    thread = started;
    started.start();
  }

  private void provisionOnDemand() {
    try {
      while (true) {
        awaitDemand();
        try {
          provision();
        } catch (RuntimeException | Error e) { // it must not end all further attempts
          log.error("JetStream could not be prepared for durable tasks, because of a bug. The next try is in a second", e);
        }
        TimeUnit.NANOSECONDS.sleep(PAUSE.toNanos()); // however many find something missing
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt(); // by stop()
    }
  }

  private synchronized void awaitDemand() throws InterruptedException {
    while (provisioned) {
      wait();
    }
  }

  /** Tells that something is missing, so that all is prepared again. Does not block. */
  synchronized void provisionAgain() {
    provisioned = false;
    notifyAll();
  }

  /** Waits until all is there; returns whether it is. */
  synchronized boolean await(Duration longest) throws InterruptedException {
    long deadline = System.nanoTime() + longest.toNanos();
    for (long left = longest.toNanos(); !provisioned && left > 0; left = deadline - System.nanoTime()) {
      TimeUnit.NANOSECONDS.timedWait(this, left);
    }
    return provisioned;
  }

  /**
   * Blocks until all is there.
   *
   * @throws ProvisioningException if it cannot be as the settings say, however long one waits
   */
  public synchronized void requireProvisioned() throws InterruptedException {
    while (!provisioned) {
      if (problem != null && JetStreamBuilder.isFinal(problem)) {
        throw new ProvisioningException(List.of(String.valueOf(problem.getMessage())));
      }
      wait();
    }
    List<String> faults = findings.stream().filter(finding -> !finding.isAllowed()).map(Finding::text).toList();
    if (!faults.isEmpty()) {
      throw new ProvisioningException(faults);
    }
  }

  /** Creates and enlarges, if the broker lets it now; returns whether all is there. Blocks for the broker's answers. */
  boolean provision() {
    try {
      JetStreamBuilder.Report report = builder.build();
      say(report.findings());
      ended(!report.isChanged(), null);
      return !report.isChanged();
    } catch (BrokerException e) {
      if (!String.valueOf(e.getMessage()).equals(problem()) && !Thread.currentThread().isInterrupted()) {
        log.warn("JetStream cannot be prepared for durable tasks now. The next try is in a second: {}", e.getMessage());
      }
      ended(false, e);
      return false;
    }
  }

  private synchronized void say(List<Finding> found) {
    found.stream().filter(finding -> !findings.contains(finding)).forEach(finding ->
        log.atLevel(finding.isAllowed() ? Level.INFO : Level.WARN).log("The JetStream {}", finding.text()));
    findings = found;
  }

  private synchronized void ended(boolean complete, @Nullable BrokerException failure) {
    problem = failure;
    provisioned = complete;
    notifyAll();
  }

  /** Returns why not all is there, or {@code null} if it is. */
  public synchronized @Nullable String problem() {
    return problem == null ? null : problem.getMessage();
  }

  @Override
  public boolean isRunning() {
    return thread != null;
  }

  @Override
  public void stop() {
    Thread stopping = thread;
    thread = null;
    if (stopping != null) {
      stopping.interrupt();
    }
  }
}
