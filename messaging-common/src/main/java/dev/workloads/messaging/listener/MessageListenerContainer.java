package dev.workloads.messaging.listener;

import dev.workloads.messaging.BrokerException;
import dev.workloads.messaging.BrokerMessage;
import dev.workloads.messaging.MessageTransport;
import dev.workloads.messaging.MessageTransport.Subscription;
import dev.workloads.messaging.Subjects;
import java.util.List;
import java.util.concurrent.Semaphore;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.locks.LockSupport;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Subscribes a listener and has it handle each message, within bounds; safe for use by many threads.
 *
 * <p>The transport's own thread takes a message in, or refuses it at once because the worker is full. A pool of at most
 * {@code maxInFlight} threads calls the listener; replies that wait for a lost connection wait there, too. What the
 * listener says does not block is handled on the transport's thread, unless messages pile up behind it. A stop takes no
 * more messages and finishes those it has.
 */
public final class MessageListenerContainer extends DrainingContainer<MessageListenerContainer.Intake> {

  private static final Logger log = LoggerFactory.getLogger(MessageListenerContainer.class);

  private final MessageTransport transport;
  private final Listener listener;
  private final MessageProcessor processor;
  private final ThreadFactory threads;
  private final Semaphore bytes; // all containers of the application share them
  private final Semaphore handlers;

  /**
   * Creates a container.
   *
   * @param maxBuffered a permit for each byte of bodies that may wait or be handled; several containers may share it
   * @param threads makes the threads that run the listener, platform or virtual ones
   */
  public MessageListenerContainer(MessageTransport transport, Listener listener, Semaphore maxBuffered,
      ThreadFactory threads) {
    super(listener.settings().drainTimeout());
    this.transport = transport;
    this.listener = listener;
    this.processor = new MessageProcessor(listener);
    this.threads = threads;
    this.bytes = maxBuffered;
    this.handlers = new Semaphore(listener.settings().maxInFlight());
  }

  /** What takes messages in, from a start to the next stop. */
  final class Intake implements DrainingContainer.Work {

    private final HandlerPool pool = new HandlerPool(settings(), threads);
    private final Subscription subscription = transport.subscribe(settings().subscriptions(), settings().queueGroup(),
        (message, replies) -> receive(new Delivery(heard(message), replies, System.nanoTime()), pool));
    private final Thread keepAlive = keepAlive();

    @Override
    public void takeNoMore() {
      try {
        subscription.drain(settings().drainTimeout());
      } catch (RuntimeException e) { // messages that have come in are finished all the same
        log.error("Listener {} could not end its subscriptions; the messages that it has are finished", settings().id(), e);
      }
    }

    @Override
    public ThreadPoolExecutor pool() {
      return pool;
    }

    @Override
    public void giveUp() {
      log.warn("Listener {} has not finished within {}: interrupted {} threads, gave up {} queued messages and replies. "
          + "Raise messaging.drain-timeout if handlers need longer",
          settings().id(), settings().drainTimeout(), pool.getActiveCount(), pool.giveUp());
    }

    @Override
    public void close() {
      keepAlive.interrupt();
      listener.failures().tellWhatWasLeftOut();
    }
  }

  @Override
  protected Intake begin() {
    Intake intake = new Intake();
    log.info("Listener {} handles {} in group {}", settings().id(), settings().subscriptions(), settings().group());
    return intake;
  }

  // A listener to everything hears these messages, too. Any reply, even that it is full, would be taken for JetStream's answer
  private static BrokerMessage heard(BrokerMessage message) {
    return Subjects.isAnsweredByJetStream(message.subject()) ? message.withReplyTo(null) : message;
  }

  // A worker without a web server may have no other threads than daemons: the JVM would end
  private static Thread keepAlive() {
    Thread thread = new Thread(() -> {
      while (!Thread.currentThread().isInterrupted()) {
        LockSupport.park();
      }
    }, "messaging-keep-alive");
    thread.setDaemon(false);
    thread.start();
    return thread;
  }

  /** Called on the transport's thread. */
  private void receive(Delivery delivery, HandlerPool pool) {
    if (!bytes.tryAcquire(delivery.size())) {
      processor.refuse(delivery);
      return;
    }
    boolean queued = false;
    try {
      if (mayHandleHere(delivery.message()) && handlers.tryAcquire()) {
        handleHere(delivery, pool);
      } else {
        queued = pool.offer(() -> handle(delivery), () -> giveUp(delivery));
        if (!queued) {
          processor.refuse(delivery);
        }
      }
    } catch (Throwable e) { // the JVM may have no more threads: that must cost no other message
      processor.fail(delivery, e);
    } finally {
      if (!queued) {
        bytes.release(delivery.size());
      }
    }
  }

  private boolean mayHandleHere(BrokerMessage message) {
    Intake intake = work(); // null until the start has ended
    return listener.isNonBlocking(message) && intake != null
        && intake.subscription.pending() <= settings().queueCapacity();
  }

  /** Called on the transport's thread, whose interrupt flag is not the handler's. */
  private void handleHere(Delivery delivery, HandlerPool pool) {
    boolean interrupted = Thread.interrupted();
    try {
      processor.process(delivery, reply -> sendOrQueue(delivery, reply, pool));
    } finally {
      handlers.release();
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  private void sendOrQueue(Delivery delivery, BrokerMessage reply, HandlerPool pool) {
    try {
      delivery.replies().send(reply);
    } catch (BrokerException e) {
      if (e.reason() != BrokerException.Reason.BROKER_UNAVAILABLE || !pool.offer(
          () -> processor.send(delivery, reply, delivery::sendPatiently), () -> processor.lost(delivery, e))) {
        throw e;
      }
    }
  }

  /** Called on a thread of the pool. */
  private void handle(Delivery delivery) {
    handlers.acquireUninterruptibly(); // a handler on the transport's thread may have to end first
    try {
      processor.process(delivery, delivery::sendPatiently);
    } finally {
      bytes.release(delivery.size());
      handlers.release();
    }
  }

  private void giveUp(Delivery delivery) {
    bytes.release(delivery.size());
    processor.refuse(delivery);
  }

  /** Returns what was not handled or sent since the container was created. */
  public ListenerCounters counters() {
    return processor.counters();
  }

  Listener listener() {
    return listener;
  }

  /** Returns what the container subscribes to. */
  public ListenerSettings settings() {
    return listener.settings();
  }

  /** Returns the counts of each subscription, in the order of the settings. */
  public List<EndpointStats> endpoints() {
    return processor.endpoints();
  }

  /** Returns the number of handlers at work. */
  public int inFlight() {
    return settings().maxInFlight() - handlers.availablePermits();
  }

  /** Returns the number of messages that wait for a handler. */
  public int queued() {
    Intake intake = work();
    return intake == null ? 0 : intake.pool.getQueue().size();
  }
}
