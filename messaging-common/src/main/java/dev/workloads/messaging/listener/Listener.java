package dev.workloads.messaging.listener;

import dev.workloads.messaging.BrokerMessage;
import dev.workloads.messaging.BrokerMessageHandler;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A handler as every container calls it, of requests and of durable tasks: it is observed, has the class loader of its class, and
 * what it throws is logged once. Safe for use by many threads, as the handler is.
 */
public final class Listener implements BrokerMessageHandler {

  private static final Logger log = LoggerFactory.getLogger(Listener.class);

  private final BrokerMessageHandler handler;
  private final ListenerSettings settings;
  private final UnaryOperator<BrokerMessageHandler> around;
  private final FailureLog failures;

  /**
   * Creates a listener.
   *
   * @param around stands around each call of the handler; it returns the reply, or throws what it is thrown
   */
  public Listener(BrokerMessageHandler handler, ListenerSettings settings, UnaryOperator<BrokerMessageHandler> around) {
    this.handler = handler;
    this.settings = settings;
    this.around = around;
    this.failures = new FailureLog(log, "listener " + settings.id());
  }

  @Override
  public @Nullable BrokerMessage handle(BrokerMessage message) throws Exception {
    Thread thread = Thread.currentThread(); // the container's, or one of the transport
    ClassLoader loader = thread.getContextClassLoader();
    thread.setContextClassLoader(handler.getClass().getClassLoader());
    Call call = new Call();
    try {
      return around.apply(call).handle(message);
    } catch (Throwable e) {
      if (e != call.logged) { // the handler has not thrown it: what stands around the handler has
        failures.failed(message, e);
      }
      throw e;
    } finally {
      thread.setContextClassLoader(loader);
    }
  }

  @Override
  public boolean isNonBlocking(BrokerMessage message) {
    return handler.isNonBlocking(message);
  }

  /** Returns what the listener subscribes to, and its bounds. */
  public ListenerSettings settings() {
    return settings;
  }

  FailureLog failures() {
    return failures;
  }

  /** One call of the handler. It logs what the handler throws, since the trace of the message is the current one only here. */
  private final class Call implements BrokerMessageHandler {

    private @Nullable Throwable logged;

    @Override
    public @Nullable BrokerMessage handle(BrokerMessage message) throws Exception {
      try {
        return handler.handle(message);
      } catch (Throwable e) {
        failures.failed(message, e);
        logged = e;
        throw e;
      }
    }
  }
}
