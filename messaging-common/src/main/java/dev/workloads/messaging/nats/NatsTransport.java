package dev.workloads.messaging.nats;

import dev.workloads.messaging.BrokerException;
import dev.workloads.messaging.BrokerMessage;
import dev.workloads.messaging.MessageTransport;
import dev.workloads.messaging.Subjects;
import io.nats.client.Options;
import io.nats.client.Statistics;
import java.time.Duration;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Carries messages over NATS.
 *
 * <p>Connects in the background and for ever; while there is no connection, requests and publishes are refused at once. A
 * request on the way when the connection breaks waits for its own timeout: the reply may come after the reconnect.
 */
public final class NatsTransport implements MessageTransport {

  private final NatsConnector connector;

  private NatsTransport(NatsConnector connector) {
    this.connector = connector;
  }

  /**
   * Creates a transport and starts to connect, without waiting for that.
   *
   * @param options servers, credentials, TLS, intervals and names; what the transport's own guarantees rest on is set over
   *     them: unlimited reconnects, no buffer while reconnecting, no-responders reports
   * @param readyGrace how long a lost connection leaves the transport ready
   * @param maxReconnectWait the longest pause between two attempts to connect
   */
  public static NatsTransport open(Options options, Duration readyGrace, Duration maxReconnectWait) {
    NatsTransport transport = new NatsTransport(new NatsConnector(options, readyGrace, maxReconnectWait,
        NatsConnector.RETIREMENT));
    transport.connector.start();
    return transport;
  }

  @Override
  public void publish(BrokerMessage message) {
    connector.current().publish(message);
  }

  @Override
  public BrokerMessage request(BrokerMessage message, Duration timeout) {
    return connector.current().request(message, timeout);
  }

  @Override
  public long maxPayload() {
    return connector.current().maxPayload();
  }

  @Override
  public Subscription subscribe(List<String> patterns, @Nullable String group, SubscribeOptions options,
      Receiver receiver) {
    Subjects.requireSubscription(patterns, group);
    return connector.links().subscribe(new NatsSubscription(List.copyOf(patterns), group, options,
        (message, origin) -> receiver.receive(message, reply -> reply(origin, reply))));
  }

  // On the link that the request came in on, if it is still there: another server may not know the requester yet, or refuse
  // the reply
  private void reply(ReplyPath origin, BrokerMessage reply) {
    try {
      origin.send(reply);
    } catch (BrokerException e) {
      if (e.reason() != BrokerException.Reason.BROKER_UNAVAILABLE) {
        throw e;
      }
      publish(reply);
    }
  }

  @Override
  public boolean isReady() {
    return connector.isReady();
  }

  @Override
  public @Nullable String serverAddress() {
    return connector.current().state().serverAddress();
  }

  /** Returns the state of the connection. */
  public NatsConnectionState connectionState() {
    return connector.state();
  }

  /** Returns what jnats has counted since the transport was created, over all its connections. */
  public Statistics statistics() {
    return connector.statistics();
  }

  /** Sends what was published, waiting at most a second for that, and closes the connection. */
  @Override
  public void close() {
    connector.close();
  }
}
