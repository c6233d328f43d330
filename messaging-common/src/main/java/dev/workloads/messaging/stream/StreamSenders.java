package dev.workloads.messaging.stream;

import dev.workloads.messaging.BrokerMessage;
import dev.workloads.messaging.MessageRejectedException;
import dev.workloads.messaging.MessageTransport;
import dev.workloads.messaging.MessageTransport.SubscribeOptions;
import dev.workloads.messaging.MessagingClient;
import dev.workloads.messaging.StreamProtocol;
import dev.workloads.messaging.StreamProtocol.Credit;
import dev.workloads.messaging.StreamTimeouts;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ScheduledThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.scheduling.concurrent.CustomizableThreadFactory;

/**
 * The streams that the handlers of one application send. Safe for use by many threads.
 *
 * <p>One daemon thread, {@code messaging-streams}, says every ten seconds for each of them that its handler is at work. Each group
 * has one subscription to what requesters say, which is made with its first stream and ends with the transport.
 */
public final class StreamSenders implements AutoCloseable {

  private static final Logger log = LoggerFactory.getLogger(StreamSenders.class);
  private static final Duration KEEP_ALIVE = Duration.ofSeconds(10);
  private static final SubscribeOptions OPTIONS =
      new SubscribeOptions(true, "a stream of replies does not get beyond its first parts");

  private final MessageTransport transport;
  private final MessagingClient client;
  private final Duration keepAlive;
  private final Duration stall;
  private final String instance = UUID.randomUUID().toString();
  private final AtomicLong last = new AtomicLong();
  private final Map<String, StreamSender> open = new ConcurrentHashMap<>();
  private final Set<String> groups = new HashSet<>(); // under this
  private final ScheduledThreadPoolExecutor timer;

  /** Creates the streams of an application that has none yet. */
  public StreamSenders(MessageTransport transport) {
    this(transport, KEEP_ALIVE, StreamTimeouts.DEFAULT_STALL);
  }

  StreamSenders(MessageTransport transport, Duration keepAlive, Duration stall) {
    this.transport = transport;
    this.client = new MessagingClient(transport, Duration.ZERO);
    this.keepAlive = keepAlive;
    this.stall = stall;
    CustomizableThreadFactory threads = new CustomizableThreadFactory("messaging-streams");
    threads.setDaemon(true);
    this.timer = new ScheduledThreadPoolExecutor(1, threads);
  }

  /**
   * Opens the stream that a request asks for, and says that its handler is at work.
   *
   * @throws MessageRejectedException if it does not ask as it should
   */
  StreamSender open(BrokerMessage request, String group) {
    Credit credit = Credit.parse(request.header(StreamProtocol.STREAM_HEADER));
    String replyTo = request.replyTo();
    if (credit == null || replyTo == null || !replyTo.startsWith(StreamProtocol.REPLIES)) {
      throw new MessageRejectedException("a request for a stream needs the header " + StreamProtocol.STREAM_HEADER
          + ": parts,bytes and a reply-to that begins with " + StreamProtocol.REPLIES);
    }
    String controls = StreamProtocol.CONTROL + group + "." + instance + ".";
    subscribe(controls + "*");
    return open(replyTo, controls + Long.toString(last.incrementAndGet(), Character.MAX_RADIX), credit);
  }

  private StreamSender open(String replyTo, String control, Credit credit) {
    StreamSender sender = new StreamSender(client, replyTo, control, credit, stall, () -> open.remove(control));
    open.put(control, sender);
    keepAlive(sender);
    return sender;
  }

  private static void keepAlive(StreamSender sender) {
    try {
      sender.keepAlive();
    } catch (RuntimeException e) { // mostly the connection is lost; the timer must go on
      log.debug("A requester was not told that its handler is at work", e);
    }
  }

  private synchronized void subscribe(String pattern) {
    if (groups.isEmpty()) {
      timer.scheduleWithFixedDelay(() -> open.values().forEach(StreamSenders::keepAlive), keepAlive.toNanos(),
          keepAlive.toNanos(), TimeUnit.NANOSECONDS);
    }
    if (!groups.contains(pattern)) {
      transport.subscribe(List.of(pattern), null, OPTIONS, (message, replies) -> receive(message));
      groups.add(pattern);
    }
  }

  private void receive(BrokerMessage message) {
    StreamSender sender = open.get(message.subject());
    if (sender != null) {
      sender.receive(message);
    }
  }

  /** Returns the most bytes that a message may have now. */
  long maxPayload() {
    return transport.maxPayload();
  }

  @Override
  public void close() {
    timer.shutdownNow();
  }
}
