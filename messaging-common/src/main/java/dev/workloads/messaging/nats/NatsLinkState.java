package dev.workloads.messaging.nats;

import io.nats.client.Connection;
import io.nats.client.Connection.Status;
import io.nats.client.ConnectionListener.Events;
import java.net.URI;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * How far one connection is: it hears of the events from jnats, and logs each change once.
 *
 * <p>Changed on the link's callback thread only, unless said otherwise; read by any.
 */
final class NatsLinkState {

  /** How far the link is. */
  enum Phase {
    /** There is a connection, and its server has not confirmed the subscriptions yet. */
    SUBSCRIBING,
    /** Messages can be sent, and received by every subscription that is needed. */
    READY,
    /** The server has announced that it is about to stop. */
    LEAVING,
    /** The server refused a subscription that is needed. */
    REFUSED,
    /** The connection is lost; jnats tries to bring it back. */
    LOST,
    /** There was no connection yet, or jnats has given up, as after a rejected login. */
    CLOSED
  }

  private static final Logger log = LoggerFactory.getLogger(NatsLinkState.class);

  private volatile Phase phase = Phase.CLOSED;
  private volatile long lostAt = System.nanoTime();
  private volatile boolean subscribingUnneeded;
  private volatile boolean superseded;
  private volatile @Nullable String problem;
  private volatile @Nullable String serverAddress; // kept, since each message asks for it

  Phase phase() {
    return phase;
  }

  boolean isUp() {
    return phase != Phase.LOST && phase != Phase.CLOSED;
  }

  /** Returns since when there was no connection, by {@link System#nanoTime}. */
  long lostAt() {
    return lostAt;
  }

  /** Returns what is wrong, or {@code null}. */
  @Nullable String problem() {
    return problem;
  }

  /** Returns the host name or address of the server last connected to, or {@code null}. */
  @Nullable String serverAddress() {
    return serverAddress;
  }

  /** Called on any thread when another link has taken this one's place, or it is about to be closed: its end is no news. */
  void superseded() {
    superseded = true;
  }

  /** Returns whether the application is ready without the subscriptions that the server has not confirmed yet. */
  boolean isSubscribingUnneeded() {
    return subscribingUnneeded;
  }

  /** Called before a subscription, on the thread that subscribes. */
  void subscribing(boolean needed) {
    subscribingUnneeded = !needed;
  }

  /** Called when the server has answered for the subscriptions: the link is ready unless it was lost, or one was refused. */
  void confirmed(long lostBefore) {
    subscribingUnneeded = false;
    if (phase == Phase.SUBSCRIBING && lostAt == lostBefore) {
      phase = Phase.READY;
    }
  }

  /** Called when the server has refused a subscription that is needed. */
  void refused(String error) {
    problem = error;
    phase = Phase.REFUSED;
  }

  /** Called when it is known why there is no connection; on jnats' reader thread, too. */
  void unreachable(String why) {
    problem = why;
  }

  // An event may come late, so the present status of the connection counts
  void onEvent(Connection connection, Events event) {
    boolean connected = connection.getStatus() == Status.CONNECTED;
    if (event == Events.CONNECTED) {
      connected(connection);
      phase = Phase.SUBSCRIBING;
    } else if (event == Events.RECONNECTED) {
      reconnected(connection);
    } else if (event == Events.RESUBSCRIBED && connected && phase == Phase.LOST) {
      phase = Phase.SUBSCRIBING;
    } else if (event == Events.LAME_DUCK) {
      leaving(connection);
    } else if (event == Events.CLOSED || event == Events.DISCONNECTED && !connected) {
      lost(event == Events.CLOSED ? Phase.CLOSED : Phase.LOST);
    }
  }

  private void connected(Connection connection) {
    String url = connection.getConnectedUrl();
    serverAddress = url == null ? null : URI.create(url).getHost();
    problem = null;
  }

  private void reconnected(Connection connection) {
    lost(Phase.LOST); // jnats may have been quicker than its event of the loss
    connected(connection);
    if (!superseded) {
      log.info("Connected to NATS at {}", NatsConnectionState.masked(connection.getConnectedUrl()));
    }
  }

  private void leaving(Connection connection) {
    log.info("The NATS server {} is about to stop. This application moves to another one",
        NatsConnectionState.masked(connection.getConnectedUrl()));
    phase = phase == Phase.REFUSED ? phase : Phase.LEAVING; // what was refused is replaced anyway
  }

  private void lost(Phase next) {
    if (isUp()) { // jnats reports each attempt to reconnect that failed as well
      lostAt = System.nanoTime();
      problem = "connection lost";
      if (!superseded) {
        log.warn("Lost the connection to NATS. Requests are refused until the attempts to reconnect succeed");
      }
    }
    phase = next;
  }
}
