package dev.workloads.messaging.durable.jetstream;

import dev.workloads.messaging.BrokerException;
import dev.workloads.messaging.BrokerMessage;
import dev.workloads.messaging.MessageTransport;
import dev.workloads.messaging.durable.Job;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A message that a consumer has handed out.
 *
 * @param delivery the former reply-to, which what ends the lease is published to (ADR-15): each delivery of each job has another
 */
record JetStreamJob(BrokerMessage message, String delivery, long deliveries, long sequence, MessageTransport transport)
    implements Job {

  private static final Logger log = LoggerFactory.getLogger(JetStreamJob.class);
  // <stream>.<consumer>.<delivered>.<stream sequence>.<consumer sequence>.<time>.<pending>; newer servers put domain and
  // account before the stream, and may put more behind
  private static final Pattern ACKNOWLEDGE_TO = Pattern.compile("\\$JS\\.ACK\\.(?:[^.]+\\.[^.]+\\.)?[^.]+\\.[^.]+"
      + "\\.(\\d{1,18})\\.(\\d{1,18})\\.\\d+\\.\\d+\\.\\d+(?:\\.[^.]+)*");

  /** Returns the job that a message is, or {@code null} if it is none. */
  static @Nullable JetStreamJob of(BrokerMessage message, MessageTransport transport) {
    Matcher acknowledgeTo = ACKNOWLEDGE_TO.matcher(String.valueOf(message.replyTo()));
    return !acknowledgeTo.matches() ? null : new JetStreamJob(message.withReplyTo(null), acknowledgeTo.group(),
        Long.parseLong(acknowledgeTo.group(1)), Long.parseLong(acknowledgeTo.group(2)), transport);
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
      transport.publish(new BrokerMessage(delivery, what.getBytes(StandardCharsets.US_ASCII)));
    } catch (BrokerException e) {
      log.debug("{} was not sent: {}", what, e.getMessage());
    }
  }
}
