package dev.workloads.messaging.nats;

import io.nats.client.Connection;
import io.nats.client.Connection.Status;
import io.nats.client.ConnectionListener.Events;
import io.nats.client.ErrorListener;
import io.nats.client.Message;
import java.io.IOException;
import java.net.SocketException;
import java.net.URI;
import java.net.UnknownHostException;
import java.util.Locale;
import java.util.concurrent.CancellationException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.BiPredicate;
import java.util.function.Consumer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.core.NestedExceptionUtils;

/**
 * Hears from jnats what becomes of one connection, and logs each change once.
 *
 * <p>Changed on the link's callback thread only, unless said otherwise; read by any.
 */
final class NatsLinkState implements ErrorListener {

  /** How far the link is. */
  enum Phase {
    /** There was no connection yet. */
    CONNECTING,
    /** There is a connection, and its server has not confirmed the subscriptions yet. */
    SUBSCRIBING,
    /** Messages can be sent, and received by every subscription that is needed. */
    READY,
    /** The server refused a subscription that is needed. */
    REFUSED,
    /** The connection is lost; jnats tries to bring it back. */
    LOST,
    /** jnats has given up, as after a rejected login. */
    CLOSED
  }

  private static final Logger log = LoggerFactory.getLogger(NatsLinkState.class);

  // The words of nats-server; the subject is one that we sent to
  private static final Pattern REFUSED_PUBLISH =
      Pattern.compile("permissions violation for publish to \"([^\"]+)\".*", Pattern.CASE_INSENSITIVE);
  private static final Pattern REFUSED_SUBSCRIPTION =
      Pattern.compile("permissions violation for subscription to \"([^\"]+)\".*", Pattern.CASE_INSENSITIVE);
  private static final long BETWEEN_WARNINGS = TimeUnit.SECONDS.toNanos(1);

  private final Consumer<String> refusedSubjects;
  private final BiPredicate<String, String> doesWithout;
  private volatile Phase phase = Phase.CONNECTING;
  private volatile long lostAt = System.nanoTime();
  private volatile boolean leaving;
  private volatile boolean subscribingUnneeded; // the server does not say which one exceeds their number
  private volatile boolean superseded;
  private volatile @Nullable String problem;
  private volatile @Nullable String serverAddress;
  private long nextWarningAt = System.nanoTime(); // on the callback thread

  /**
   * Creates the state of a link that is not connected yet.
   *
   * @param refusedSubjects is told each subject that the server did not let a message be sent to
   * @param doesWithout is told each pattern whose subscription the server refused, and its words; returns whether the
   *     application is ready all the same
   */
  NatsLinkState(Consumer<String> refusedSubjects, BiPredicate<String, String> doesWithout) {
    this.refusedSubjects = refusedSubjects;
    this.doesWithout = doesWithout;
  }

  Phase phase() {
    return phase;
  }

  /** Returns since when there was no connection, by {@link System#nanoTime}. */
  long lostAt() {
    return lostAt;
  }

  /** Returns whether the server has announced that it is about to stop. */
  boolean isLeaving() {
    return leaving;
  }

  /** Returns what is wrong, or {@code null}. */
  @Nullable String problem() {
    String told = problem;
    return told == null && phase == Phase.LOST ? "connection lost" : told;
  }

  /** Returns the host name or address of the server last connected to, or {@code null}. */
  @Nullable String serverAddress() {
    return serverAddress;
  }

  /** Called when the attempt to connect has succeeded, after the events of servers that were tried in vain. */
  void connected(Connection connection) {
    problem = null;
    serverAddress = host(connection);
    phase = Phase.SUBSCRIBING;
    if (connection.getStatus() != Status.CONNECTED) {
      lost();
    }
  }

  /** Called when another link has taken this one's place, or it is about to be closed: its end is no news. */
  void superseded() {
    superseded = true;
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

  // An event of an attempt to connect may come late: what counts is the status that the connection has now
  void onEvent(Connection connection, Events event) {
    boolean connected = connection.getStatus() == Status.CONNECTED;
    switch (event) {
      case DISCONNECTED -> {
        if (!connected) {
          lost();
        }
      }
      case RECONNECTED -> {
        lost(); // jnats may have been quicker than its event of the loss
        problem = null;
        serverAddress = host(connection);
        leaving = false;
        if (!superseded) {
          log.info("Connected to NATS at {}", NatsConnectionState.masked(connection.getConnectedUrl()));
        }
      }
      case RESUBSCRIBED -> {
        if (connected) {
          phase = Phase.SUBSCRIBING;
        }
      }
      case LAME_DUCK -> {
        log.info("The NATS server {} is about to stop", NatsConnectionState.masked(connection.getConnectedUrl()));
        leaving = true;
      }
      case CLOSED -> {
        lost();
        phase = Phase.CLOSED;
      }
      default -> { }
    }
  }

  // Once a connection, since each message asks for it
  private static @Nullable String host(Connection connection) {
    String url = connection.getConnectedUrl();
    return url == null ? null : URI.create(url).getHost();
  }

  // jnats reports each attempt to reconnect that failed as well
  private void lost() {
    if (isUp()) {
      phase = Phase.LOST;
      lostAt = System.nanoTime();
      problem = null;
      if (!superseded) {
        log.warn("Lost the connection to NATS, reconnecting");
      }
    }
  }

  private boolean isUp() {
    return phase == Phase.SUBSCRIBING || phase == Phase.READY || phase == Phase.REFUSED;
  }

  @Override
  public void errorOccurred(Connection connection, String error) {
    if (superseded) {
      log.debug("NATS reported an error on a former connection: {}", error);
    } else if (!isUp()) {
      problem = error; // why there is no connection
    } else {
      Matcher subscription = REFUSED_SUBSCRIPTION.matcher(error);
      if (subscription.matches()) {
        if (!doesWithout.test(subscription.group(1), error)) {
          refused(error);
        }
      } else if (error.toLowerCase(Locale.ROOT).contains("maximum subscriptions exceeded") && !subscribingUnneeded) {
        refused(error);
      } else {
        report(error);
      }
    }
  }

  private void refused(String error) {
    problem = error;
    phase = Phase.REFUSED;
  }

  private void report(String error) {
    Matcher publish = REFUSED_PUBLISH.matcher(error);
    if (publish.matches()) {
      refusedSubjects.accept(publish.group(1));
    }
    if (System.nanoTime() - nextWarningAt >= 0) { // there may be one for each message
      nextWarningAt = System.nanoTime() + BETWEEN_WARNINGS;
      log.warn("NATS reported an error: {}", error);
    }
  }

  /** Called by {@link NatsDataPort} on jnats' reader thread as well. */
  @Override
  public void exceptionOccurred(Connection connection, Exception e) {
    log.debug("The connection to NATS failed", e);
    Throwable cause = NestedExceptionUtils.getMostSpecificCause(e);
    if (!isUp() && !isConsequence(cause)) {
      problem = describe(cause);
    }
  }

  // Of something that tells more: of a timeout's reason, or of the server's own words before it hung up
  private boolean isConsequence(Throwable cause) {
    Class<?> type = cause.getClass();
    return cause instanceof CancellationException || cause instanceof TimeoutException
        || cause instanceof InterruptedException
        || problem != null && (type == IOException.class || type == SocketException.class);
  }

  @Override
  public void slowConsumerDetected(Connection connection, io.nats.client.Consumer consumer) {
    log.warn("Messages came in faster than this application could even refuse them: {} were dropped unanswered",
        consumer.getDroppedCount());
  }

  @Override
  public void messageDiscarded(Connection connection, Message message) {
    log.warn("A message was not sent: the outgoing queue is full");
  }

  /** Returns what a person can act on. */
  static String describe(Throwable e) {
    String text = NatsConnectionState.masked(e.getMessage());
    if (e instanceof UnknownHostException) {
      return "unknown host: " + text;
    }
    return text == null || text.isEmpty() ? e.getClass().getSimpleName() : text;
  }
}
