package dev.workloads.messaging.durable.jetstream;

import dev.workloads.messaging.BrokerException;
import dev.workloads.messaging.BrokerMessage;
import dev.workloads.messaging.MessageTransport;
import dev.workloads.messaging.durable.Job;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** A message that a consumer has handed out. What ends its lease is published to its reply-to (ADR-15). */
final class JetStreamJob implements Job {

  private static final Logger log = LoggerFactory.getLogger(JetStreamJob.class);
  private static final String ACKNOWLEDGE_PREFIX = "$JS.ACK.";

  private final BrokerMessage message;
  private final String acknowledgeTo;
  private final long sequence;
  private final MessageTransport transport;

  private JetStreamJob(BrokerMessage message, String acknowledgeTo, MessageTransport transport) {
    this.message = message.withReplyTo(null);
    this.acknowledgeTo = acknowledgeTo;
    this.sequence = sequence(acknowledgeTo);
    this.transport = transport;
  }

  /** Returns the job that a message is, or {@code null} if it is none. */
  static @Nullable JetStreamJob of(BrokerMessage message, MessageTransport transport) {
    String replyTo = message.replyTo();
    return replyTo == null || !replyTo.startsWith(ACKNOWLEDGE_PREFIX) ? null
        : new JetStreamJob(message, replyTo, transport);
  }

  // $JS.ACK.<stream>.<consumer>.<delivered>.<stream sequence>...; newer servers put domain and account before the stream
  private static long sequence(String acknowledgeTo) {
    String[] tokens = acknowledgeTo.split("\\.");
    return Long.parseLong(tokens[tokens.length < 11 ? 5 : 7]);
  }

  @Override
  public BrokerMessage message() {
    return message;
  }

  @Override
  public long sequence() {
    return sequence;
  }

  @Override
  public void renew() {
    send("+WPI");
  }

  @Override
  public void acknowledge() {
    send("+ACK");
  }

  @Override
  public void terminate() {
    send("+TERM");
  }

  @Override
  public void giveBack(Duration delay) {
    send(delay.isZero() ? "-NAK" : "-NAK {\"delay\": " + delay.toNanos() + "}");
  }

  private void send(String what) {
    try {
      transport.publish(new BrokerMessage(acknowledgeTo, what.getBytes(StandardCharsets.US_ASCII)));
    } catch (BrokerException e) {
      log.debug("{} was not sent: {}", what, e.getMessage());
    }
  }
}
