package dev.workloads.messaging.nats;

import io.nats.client.Connection;
import io.nats.client.Consumer;
import io.nats.client.ErrorListener;
import io.nats.client.Message;
import java.io.IOException;
import java.net.SocketException;
import java.net.UnknownHostException;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.concurrent.CancellationException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.core.NestedExceptionUtils;

/**
 * Hears from jnats of the errors of one connection: logs them, and tells the link's state and inbox what follows from them.
 *
 * <p>Called on the link's callback thread, unless said otherwise.
 */
final class NatsLinkErrors implements ErrorListener {

  private static final Logger log = LoggerFactory.getLogger(NatsLinkErrors.class);

  // The words of nats-server; the subject is one that this application publishes or subscribes to
  private static final Pattern REFUSED =
      Pattern.compile("permissions violation for (publish|subscription) to \"([^\"]+)\".*", Pattern.CASE_INSENSITIVE);
  private static final String TOO_MANY = "maximum subscriptions exceeded"; // the server does not say which one
  private static final long BETWEEN_WARNINGS = TimeUnit.SECONDS.toNanos(1);

  private final NatsLinkState state;
  private final NatsInbox inbox;
  private final Set<NatsSubscription> subscriptions;
  private long nextWarningAt = System.nanoTime();

  /**
   * Creates a listener to the errors of a link.
   *
   * @param subscriptions those of the link, at each time
   */
  NatsLinkErrors(NatsLinkState state, NatsInbox inbox, Set<NatsSubscription> subscriptions) {
    this.state = state;
    this.inbox = inbox;
    this.subscriptions = subscriptions;
  }

  @Override
  public void errorOccurred(Connection connection, String error) {
    Matcher refused = REFUSED.matcher(error);
    if (!state.isUp()) {
      state.unreachable(error);
    } else if (error.toLowerCase(Locale.ROOT).contains(TOO_MANY) && !state.isSubscribingUnneeded()) {
      state.refused(error);
    } else if (!refused.matches()) {
      warn(error);
    } else if (refused.group(1).equalsIgnoreCase("publish")) {
      inbox.refused(refused.group(2));
      warn(error);
    } else {
      refusedSubscription(refused.group(2), error);
    }
  }

  private void refusedSubscription(String pattern, String error) {
    List<NatsSubscription> refused =
        subscriptions.stream().filter(subscription -> subscription.patterns().contains(pattern)).toList();
    if (refused.isEmpty() || refused.stream().anyMatch(NatsSubscription::isNeeded)) { // none: it is the inbox
      state.refused(error);
    } else {
      refused.forEach(subscription -> subscription.tellRefusal(error));
    }
  }

  private void warn(String error) {
    if (System.nanoTime() - nextWarningAt >= 0) { // there may be one for each message
      nextWarningAt = System.nanoTime() + BETWEEN_WARNINGS;
      log.warn("NATS reported an error: {}. It did not do what was asked; check the rights of this user and the server's limits",
          error);
    }
  }

  /** Called by {@link NatsDataPort} on jnats' reader thread as well. */
  @Override
  public void exceptionOccurred(Connection connection, Exception e) {
    log.debug("The connection to NATS failed", e);
    Throwable cause = NestedExceptionUtils.getMostSpecificCause(e);
    if (!state.isUp() && !isConsequence(cause)) {
      state.unreachable(describe(cause));
    }
  }

  // A consequence says less than what led to it: a timeout's reason, or the server's own words before it hung up
  private boolean isConsequence(Throwable cause) {
    Class<?> type = cause.getClass();
    return cause instanceof CancellationException || cause instanceof TimeoutException
        || cause instanceof InterruptedException
        || state.problem() != null && (type == IOException.class || type == SocketException.class);
  }

  @Override
  public void slowConsumerDetected(Connection connection, Consumer consumer) {
    log.warn("Messages came in faster than this application could even refuse them: {} were dropped unanswered. "
        + "Start more instances",
        consumer.getDroppedCount());
  }

  @Override
  public void messageDiscarded(Connection connection, Message message) {
    log.warn("A message was not sent, since the outgoing queue is full. Publish less at once, or over a faster network");
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
