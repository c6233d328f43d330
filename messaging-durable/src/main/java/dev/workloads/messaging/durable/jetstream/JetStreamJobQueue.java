package dev.workloads.messaging.durable.jetstream;

import dev.workloads.messaging.BrokerException;
import dev.workloads.messaging.BrokerException.Reason;
import dev.workloads.messaging.BrokerMessage;
import dev.workloads.messaging.MessageTransport;
import dev.workloads.messaging.MessageTransport.SubscribeOptions;
import dev.workloads.messaging.durable.Job;
import dev.workloads.messaging.durable.JobQueue;
import java.time.Duration;
import java.time.Instant;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * The jobs of a stream, handed out by a pull consumer.
 *
 * <p>Jobs come in on a subscription of its own, which the transport moves along to another server. No answer comes to a pull that
 * a lost connection has ended or the server has refused: such a pull ends with its time.
 */
final class JetStreamJobQueue implements JobQueue {

  private static final Duration GRACE = Duration.ofSeconds(1);
  private static final Duration DRAIN_TIMEOUT = Duration.ofSeconds(2);
  private static final SubscribeOptions MAY_REPEAT = new SubscribeOptions(true, null);
  private static final String PULL_IS_OVER = "408";
  private static final String STATUS = "Status";
  private static final int RECENT_JOBS = 1_000; // a job that comes a second time is dropped: the former server has sent it as well

  private final JetStreamApi api;
  private final @Nullable JetStreamProvisioner provisioner;
  private final String stream;
  private final String consumer;
  private final String inbox;
  // Each pull takes what is here before it asks for more, so that no more come than were asked for
  private final BlockingQueue<Arrival> arrived = new LinkedBlockingQueue<>();
  private final Set<String> recent = Collections.synchronizedSet(Collections.newSetFromMap(new LinkedHashMap<>() {

    @Override
    protected boolean removeEldestEntry(Map.Entry<String, Boolean> eldest) {
      return size() > RECENT_JOBS;
    }
  }));
  private final MessageTransport.Subscription subscription;
  private long pulls; // on the pulling thread only

  /** A job, or with none what a server says of a pull. */
  private record Arrival(BrokerMessage message, @Nullable JetStreamJob job) {}

  JetStreamJobQueue(JetStreamApi api, String group, String inboxPrefix, @Nullable JetStreamProvisioner provisioner) {
    this.api = api;
    this.provisioner = provisioner;
    this.stream = JetStreamAsset.queueOf(group);
    this.consumer = group;
    this.inbox = inboxPrefix + "." + UUID.randomUUID();
    // A queue group would bridge a move to another server as well, but its members do not hear that nobody answers
    this.subscription = api.transport().subscribe(List.of(inbox + ".*"), null, MAY_REPEAT,
        (message, replies) -> receive(message));
  }

  // On a thread of the transport. A job comes with its own subject, a status with that of its pull; the reply-to tells nothing
  private void receive(BrokerMessage message) {
    if (message.subject().startsWith(inbox)) {
      arrived.add(new Arrival(message, null));
    } else {
      JetStreamJob job = JetStreamJob.of(message, api.transport());
      if (job != null && recent.add(job.delivery())) {
        arrived.add(new Arrival(message, job));
      }
    }
  }

  @Override
  public void pull(int max, Duration wait, Consumer<Job> receiver) throws InterruptedException {
    if (provisioner != null && !provisioner.await(wait)) {
      throw new BrokerException(Reason.BROKER_UNAVAILABLE,
          "the stream " + stream + " is not prepared yet: " + provisioner.problem());
    }
    int missing = max;
    Arrival late; // a former pull has asked for it, whose time was over; the lease runs
    while (missing > 0 && (late = arrived.poll()) != null) {
      missing -= isTaken(late, receiver) ? 1 : 0;
    }
    if (missing == 0) {
      return;
    }
    String replyTo = inbox + "." + ++pulls;
    api.transport().publish(new BrokerMessage(JetStreamApi.PREFIX + "CONSUMER.MSG.NEXT." + stream + "." + consumer,
        JetStreamApi.json(Map.of("batch", missing, "expires", wait.toNanos())), replyTo, Map.of()));
    long deadline = System.nanoTime() + wait.plus(GRACE).toNanos();
    while (missing > 0) {
      Arrival next = arrived.poll(deadline - System.nanoTime(), TimeUnit.NANOSECONDS);
      if (next == null) { // the connection was lost, or the right to ask is missing
        throw missing(Reason.TIMEOUT, "the consumer " + consumer + " of the stream " + stream + " does not answer");
      }
      if (isTaken(next, receiver)) {
        missing--;
      } else if (next.message().subject().equals(replyTo)) { // and not that of a former pull
        requireOver(next.message());
        return;
      }
    }
  }

  private static boolean isTaken(Arrival arrival, Consumer<Job> receiver) {
    if (arrival.job() != null) {
      receiver.accept(arrival.job());
    }
    return arrival.job() != null;
  }

  private void requireOver(BrokerMessage message) {
    String status = message.header(STATUS);
    if (!PULL_IS_OVER.equals(status)) {
      throw missing(Reason.BROKER_UNAVAILABLE, "503".equals(status)
          ? "the stream " + stream + " or its consumer " + consumer + " is not there, or " + JetStreamApi.OFF
          : "the consumer " + consumer + " of the stream " + stream + " hands out nothing: " + status + " "
              + message.header("Description"));
    }
  }

  private BrokerException missing(Reason reason, String why) {
    if (provisioner != null) {
      provisioner.provisionAgain();
    }
    return new BrokerException(reason, why);
  }

  @Override
  public Backlog backlog(Duration timeout) {
    JsonNode state = api.ask("STREAM.INFO." + stream, Map.of(), timeout).path("state");
    if (state.isMissingNode()) {
      throw new BrokerException(Reason.BROKER_UNAVAILABLE, "the stream " + stream + " is not there");
    }
    long jobs = state.path("messages").asLong();
    return new Backlog(jobs, jobs == 0 ? null : Instant.parse(state.path("first_ts").asString("")));
  }

  @Override
  public void close() {
    subscription.drain(DRAIN_TIMEOUT);
    for (Arrival late = arrived.poll(); late != null; late = arrived.poll()) {
      isTaken(late, job -> job.giveBack(Duration.ZERO));
    }
  }
}
