package dev.workloads.benchmarks;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.nats.client.Connection;
import io.nats.client.JetStream;
import io.nats.client.JetStreamApiException;
import io.nats.client.JetStreamSubscription;
import io.nats.client.KeyValue;
import io.nats.client.Message;
import io.nats.client.Nats;
import io.nats.client.Options;
import io.nats.client.PublishOptions;
import io.nats.client.PullSubscribeOptions;
import io.nats.client.api.AckPolicy;
import io.nats.client.api.ConsumerConfiguration;
import io.nats.client.api.KeyValueConfiguration;
import io.nats.client.api.KeyValueEntry;
import io.nats.client.api.RetentionPolicy;
import io.nats.client.api.StreamConfiguration;
import io.nats.client.impl.Headers;
import java.io.IOException;
import java.time.Duration;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;

/**
 * What durable tasks write and publish, by jnats alone: an entry and a job to submit; the start, the result and the end by
 * a worker. No retries, no leases, no timeouts of its own.
 */
final class BareJetStream implements AutoCloseable {

  private static final String BUCKET = "BARE";
  private static final String STREAM = "BARE_JOBS";
  private static final String SUBJECT = "bare-jobs.leet";
  private static final byte[] QUEUED = entry("queued");
  private static final byte[] RUNNING = entry("running");
  private static final byte[] SUCCEEDED = entry("succeeded");
  private static final int HANDLERS = 16;

  private final Connection connection;
  private final JetStream jetStream;
  private final KeyValue bucket;
  private final Map<String, CompletableFuture<Void>> waiting = new ConcurrentHashMap<>();
  private final ExecutorService pool = Executors.newFixedThreadPool(HANDLERS + 1);

  // As long as what is kept of a task
  private static byte[] entry(String state) {
    return ("{\"state\":\"" + state + "\",\"more\":\"" + "x".repeat(300) + "\"}").getBytes(UTF_8);
  }

  BareJetStream(Connection connection) throws IOException, JetStreamApiException {
    this.connection = connection;
    connection.keyValueManagement().create(KeyValueConfiguration.builder(BUCKET).build());
    connection.jetStreamManagement().addStream(StreamConfiguration.builder().name(STREAM).subjects(SUBJECT)
        .retentionPolicy(RetentionPolicy.WorkQueue).build());
    connection.jetStreamManagement().addOrUpdateConsumer(STREAM, ConsumerConfiguration.builder().durable("leet")
        .ackPolicy(AckPolicy.Explicit).maxAckPending(-1).build());
    this.jetStream = connection.jetStream();
    this.bucket = connection.keyValue(BUCKET);
    connection.createDispatcher(message -> {
      if (message.getData().length == SUCCEEDED.length) {
        CompletableFuture<Void> waits = waiting.remove(message.getSubject().substring("$KV.BARE.".length()));
        if (waits != null) {
          waits.complete(null);
        }
      }
    }).subscribe("$KV.BARE.*");
  }

  /** Connects with the options of our transport. */
  static Connection connect(String url) throws IOException, InterruptedException {
    return Nats.connect(new Options.Builder().server(url).maxReconnects(-1).reconnectBufferSize(0)
        .pingInterval(Duration.ofSeconds(5)).reportNoResponders().useTimeoutException().dontForceFlushOnRequest().build());
  }

  String submit(byte[] payload) throws IOException, JetStreamApiException {
    String id = UUID.randomUUID().toString();
    bucket.create(id, QUEUED);
    jetStream.publish(SUBJECT, new Headers().add("Task-Id", id), payload, PublishOptions.builder().messageId(id).build());
    return id;
  }

  byte[] submitAndWait(byte[] payload) throws Exception {
    String id = UUID.randomUUID().toString();
    CompletableFuture<Void> finished = new CompletableFuture<>();
    waiting.put(id, finished);
    bucket.create(id, QUEUED);
    jetStream.publish(SUBJECT, new Headers().add("Task-Id", id), payload, PublishOptions.builder().messageId(id).build());
    finished.get(5, TimeUnit.SECONDS);
    return bucket.get(id + ".r1").getValue();
  }

  /** Begins to handle jobs. */
  void work() throws IOException, JetStreamApiException {
    JetStreamSubscription jobs = jetStream.subscribe(null, PullSubscribeOptions.fastBind(STREAM, "leet"));
    pool.execute(() -> {
      while (connection.getStatus() == Connection.Status.CONNECTED) {
        for (Message job : jobs.fetch(HANDLERS, Duration.ofMillis(200))) {
          pool.execute(() -> handle(job));
        }
      }
    });
  }

  private void handle(Message job) {
    try {
      String id = job.getHeaders().getFirst("Task-Id");
      KeyValueEntry queued = bucket.get(id);
      long revision = bucket.update(id, RUNNING, queued.getRevision());
      bucket.put(id + ".r1", DurableLayer.RESULT);
      bucket.update(id, SUCCEEDED, revision);
      job.ack();
    } catch (IOException | JetStreamApiException e) {
      throw new IllegalStateException(e);
    }
  }

  /** Waits until no job is left in the streams, ours included. */
  void awaitIdle() throws IOException, JetStreamApiException, InterruptedException {
    for (String stream : new String[] {STREAM, "JOBS_task-leet"}) {
      while (!isEmpty(stream)) {
        TimeUnit.MILLISECONDS.sleep(50);
      }
    }
  }

  private boolean isEmpty(String stream) throws IOException, JetStreamApiException {
    return connection.jetStreamManagement().getStreamNames().contains(stream)
        && connection.jetStreamManagement().getStreamInfo(stream).getStreamState().getMsgCount() == 0;
  }

  @Override
  public void close() {
    pool.shutdownNow();
  }
}
