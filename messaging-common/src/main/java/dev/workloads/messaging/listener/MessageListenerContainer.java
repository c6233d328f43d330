package dev.workloads.messaging.listener;

import dev.workloads.messaging.BrokerException;
import dev.workloads.messaging.BrokerMessage;
import dev.workloads.messaging.BrokerMessageHandler;
import dev.workloads.messaging.MessageTransport;
import dev.workloads.messaging.Subjects;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.Semaphore;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.context.SmartLifecycle;

/**
 * Subscribes a handler and calls it for each message, within bounds; safe for use by many threads.
 *
 * <p>The transport's own thread takes a message in, or refuses it at once because the worker is full. A pool of at most
 * {@code maxInFlight} threads calls the handler; replies that wait for a lost connection wait there, too. What the
 * handler says does not block is handled on the transport's thread, unless messages pile up behind it. A stop takes no
 * more messages and finishes those it has.
 */
public final class MessageListenerContainer implements SmartLifecycle {

  private static final Logger log = LoggerFactory.getLogger(MessageListenerContainer.class);
  private static final Duration IDLE_THREADS_STAY = Duration.ofSeconds(30);

  private final MessageTransport transport;
  private final MessageProcessor processor;
  private final BrokerMessageHandler handler;
  private final ListenerSettings settings;
  private final ThreadFactory threads;
  private final Semaphore bytes; // of the application, which may have more containers
  private final Semaphore handlers;
  private final Lock lifecycle = new ReentrantLock();
  private volatile @Nullable ThreadPoolExecutor pool;
  private @Nullable Thread keepAlive; // under lifecycle
  private volatile MessageTransport.@Nullable Subscription subscription; // changed under lifecycle

  /**
   * Creates a container.
   *
   * @param maxBuffered a permit for each byte of bodies that may wait or be handled; several containers may share it
   * @param threads makes the threads that run the handler, platform or virtual ones
   * @param around stands around each call of the handler; it returns the reply, or throws what it is thrown
   */
  public MessageListenerContainer(MessageTransport transport, BrokerMessageHandler handler, ListenerSettings settings,
      Semaphore maxBuffered, ThreadFactory threads, UnaryOperator<BrokerMessageHandler> around) {
    this.transport = transport;
    this.processor = new MessageProcessor(handler, around, settings);
    this.handler = handler;
    this.settings = settings;
    this.threads = threads;
    this.bytes = maxBuffered;
    this.handlers = new Semaphore(settings.maxInFlight());
  }

  @Override
  public void start() {
    lifecycle.lock();
    try {
      if (pool == null) {
        ThreadPoolExecutor started = newPool(); // has no threads before the first message
        subscription = transport.subscribe(settings.subscriptions(), settings.queueGroup(),
            (message, replies) -> receive(new Delivery(heard(message), replies, System.nanoTime()), started));
        pool = started;
        keepAlive = keepAlive();
        log.info("Listener {} handles {} in group {}", settings.id(), settings.subscriptions(), settings.group());
      }
    } finally {
      lifecycle.unlock();
    }
  }

  // Such as an audit of everything hears: whatever it replied, even that it is full, would be taken for JetStream's answer
  private static BrokerMessage heard(BrokerMessage message) {
    return Subjects.isAnsweredByJetStream(message.subject()) ? message.withReplyTo(null) : message;
  }

  // In a worker without a web server all other threads may be daemons: the JVM would end
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

  private ThreadPoolExecutor newPool() {
    ThreadPoolExecutor created = new ThreadPoolExecutor(settings.maxInFlight(), settings.maxInFlight(),
        IDLE_THREADS_STAY.toSeconds(), TimeUnit.SECONDS, settings.queueCapacity() == 0
            ? new SynchronousQueue<>() : new LinkedBlockingQueue<>(settings.queueCapacity()), this::newThread);
    created.allowCoreThreadTimeOut(true);
    return created;
  }

  // The pool makes a thread when a message arrives, on whatever thread that is; its context is not the handler's
  private Thread newThread(Runnable task) {
    Thread thread = threads.newThread(task);
    thread.setContextClassLoader(handler.getClass().getClassLoader());
    return thread;
  }

  /** Called on the transport's thread. */
  private void receive(Delivery delivery, ThreadPoolExecutor pool) {
    if (!bytes.tryAcquire(delivery.size())) {
      processor.refuse(delivery);
      return;
    }
    boolean queued = false;
    try {
      if (mayHandleHere(delivery.message()) && handlers.tryAcquire()) {
        handleHere(delivery, pool);
      } else {
        pool.execute(new QueuedTask(() -> handle(delivery), () -> giveUp(delivery)));
        queued = true;
      }
    } catch (RejectedExecutionException e) {
      processor.refuse(delivery);
    } catch (Throwable e) { // such as no more threads: it must cost no more than this message
      processor.fail(delivery, e);
    } finally {
      if (!queued) {
        bytes.release(delivery.size());
      }
    }
  }

  private boolean mayHandleHere(BrokerMessage message) {
    MessageTransport.Subscription current = subscription; // null until start() is through
    return handler.isNonBlocking(message) && current != null && current.pending() <= settings.queueCapacity();
  }

  /** Called on the transport's thread, whose class loader and interrupt flag are not the handler's. */
  private void handleHere(Delivery delivery, ThreadPoolExecutor pool) {
    Thread thread = Thread.currentThread();
    boolean interrupted = Thread.interrupted();
    ClassLoader loader = thread.getContextClassLoader();
    thread.setContextClassLoader(handler.getClass().getClassLoader());
    try {
      processor.process(delivery, reply -> sendOrQueue(delivery, reply, pool));
    } finally {
      handlers.release();
      thread.setContextClassLoader(loader);
      if (interrupted) {
        thread.interrupt();
      }
    }
  }

  private void sendOrQueue(Delivery delivery, BrokerMessage reply, ThreadPoolExecutor pool) {
    try {
      delivery.replies().send(reply);
    } catch (BrokerException e) {
      if (e.reason() != BrokerException.Reason.BROKER_UNAVAILABLE) {
        throw e;
      }
      try {
        pool.execute(new QueuedTask(() -> processor.send(delivery, reply, delivery::sendPatiently),
            () -> processor.lost(delivery, e)));
      } catch (RejectedExecutionException full) {
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

  /** Returns the handler, observed and its failures logged as the container's are; for messages that come another way. */
  public BrokerMessageHandler handler() {
    return processor.handler();
  }

  /** Returns what the container subscribes to. */
  public ListenerSettings settings() {
    return settings;
  }

  /** Returns the counts of each subscription, in the order of the settings. */
  public List<EndpointStats> endpoints() {
    return processor.endpoints();
  }

  /** Returns the number of handlers at work. */
  public int inFlight() {
    return settings.maxInFlight() - handlers.availablePermits();
  }

  /** Returns the number of messages that wait for a handler. */
  public int queued() {
    ThreadPoolExecutor current = pool;
    return current == null ? 0 : current.getQueue().size();
  }

  @Override
  public boolean isRunning() {
    return pool != null;
  }

  /** Stops on a thread of its own, so that several containers drain side by side. */
  @Override
  public void stop(Runnable callback) {
    new Thread(() -> {
      try {
        stop();
      } finally {
        callback.run();
      }
    }, "messaging-drain").start();
  }

  /** Takes no more messages and blocks until those taken are handled, no longer than the drain timeout. */
  @Override
  public void stop() {
    lifecycle.lock();
    try {
      ThreadPoolExecutor stopping = pool;
      MessageTransport.Subscription ending = subscription;
      if (stopping == null || ending == null) {
        return;
      }
      long deadline = System.nanoTime() + settings.drainTimeout().toNanos();
      drain(ending);
      stopping.shutdown();
      if (!stopping.awaitTermination(deadline - System.nanoTime(), TimeUnit.NANOSECONDS)) {
        giveUp(stopping);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } finally {
      pool = null;
      subscription = null;
      if (keepAlive != null) {
        keepAlive.interrupt();
        keepAlive = null;
      }
      processor.failures().tellWhatWasLeftOut();
      lifecycle.unlock();
    }
  }

  private void drain(MessageTransport.Subscription ending) {
    try {
      ending.drain(settings.drainTimeout());
    } catch (RuntimeException e) { // what has come in is finished all the same
      log.error("Listener {} could not end its subscriptions", settings.id(), e);
    }
  }

  private void giveUp(ThreadPoolExecutor stopping) {
    int running = stopping.getActiveCount();
    List<Runnable> queued = stopping.shutdownNow();
    log.warn("Listener {} has not finished within {}: interrupted {} threads, gave up {} queued messages and replies",
        settings.id(), settings.drainTimeout(), running, queued.size());
    queued.forEach(task -> ((QueuedTask) task).giveUp().run());
  }

  /** A task that waits for a thread of the pool, and what is done in its place if a stop takes too long. */
  private record QueuedTask(Runnable task, Runnable giveUp) implements Runnable {

    @Override
    public void run() {
      task.run();
    }
  }
}
