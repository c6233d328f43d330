package dev.workloads.messaging.listener;

import dev.workloads.messaging.BrokerMessage;
import dev.workloads.messaging.BrokerMessageHandler;
import dev.workloads.messaging.MessageTransport;
import dev.workloads.messaging.MessagingClient;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.Semaphore;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.ThreadFactory;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.context.SmartLifecycle;

/**
 * Subscribes a handler and calls it for each message, within bounds; safe for use by many threads.
 *
 * <p>Threads: the transport's own thread takes a message in or refuses it at once as full; a pool of at most
 * {@code maxInFlight} threads runs the handlers. What a handler says takes microseconds and never waits is handled on the
 * transport's thread, as long as messages do not pile up behind it and the handler keeps its word. A stop takes no more
 * messages and finishes those it has.
 */
public final class MessageListenerContainer implements SmartLifecycle {

  private static final Logger log = LoggerFactory.getLogger(MessageListenerContainer.class);
  private static final Duration IDLE_THREADS_STAY = Duration.ofSeconds(30);
  // A handler on the transport's thread that took so long, be it for its reply to wait for a lost connection, does not
  // run there again for a while
  private static final long TOO_LONG = TimeUnit.MILLISECONDS.toNanos(20);
  private static final long WHILE = TimeUnit.SECONDS.toNanos(1);

  private final MessageTransport transport;
  private final MessageProcessor processor;
  private final ClassLoader handlersLoader;
  private final ListenerSettings settings;
  private final ThreadFactory threads;
  private final AtomicLong buffered = new AtomicLong();
  private final Semaphore handlers;
  private final Lock lifecycle = new ReentrantLock();
  private volatile @Nullable ThreadPoolExecutor pool;
  private volatile MessageTransport.@Nullable Subscription subscription; // changed under lifecycle
  private volatile long handOverUntil = System.nanoTime();

  /**
   * Creates a container.
   *
   * @param client what the handler replies with, on the same transport
   * @param threads makes the threads that run the handler, platform or virtual ones
   */
  public MessageListenerContainer(MessageTransport transport, MessagingClient client, BrokerMessageHandler handler,
      ListenerSettings settings, ThreadFactory threads) {
    this(transport, client, handler, settings, threads, UnaryOperator.identity());
  }

  /**
   * Creates a container whose deliveries are observed.
   *
   * @param around stands around each delivery, error reply included; what the handler throws comes through it
   * @see #MessageListenerContainer(MessageTransport, MessagingClient, BrokerMessageHandler, ListenerSettings, ThreadFactory)
   */
  public MessageListenerContainer(MessageTransport transport, MessagingClient client, BrokerMessageHandler handler,
      ListenerSettings settings, ThreadFactory threads, UnaryOperator<BrokerMessageHandler> around) {
    this.transport = transport;
    this.processor = new MessageProcessor(transport, client, handler, settings, around);
    this.handlersLoader = handler.getClass().getClassLoader();
    this.settings = settings;
    this.threads = threads;
    this.handlers = new Semaphore(settings.maxInFlight());
  }

  @Override
  public void start() {
    lifecycle.lock();
    try {
      if (pool == null) {
        ThreadPoolExecutor started = newPool(); // has no threads before the first message
        subscription = transport.subscribe(settings.subscriptions(), settings.queueGroup(),
            message -> receive(message, started));
        pool = started;
        log.info("Subscribed to {} in group {}", settings.subscriptions(), settings.group());
      }
    } finally {
      lifecycle.unlock();
    }
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
    thread.setContextClassLoader(handlersLoader);
    return thread;
  }

  private void receive(BrokerMessage message, ThreadPoolExecutor pool) {
    if (buffered.addAndGet(message.body().length) > settings.maxBuffered()) {
      refuse(message);
      return;
    }
    Delivery delivery = new Delivery(message);
    if (mayHandleHere(delivery) && handlers.tryAcquire()) {
      delivery.runHere();
      return;
    }
    try {
      pool.execute(delivery);
    } catch (RejectedExecutionException e) {
      refuse(message);
    }
  }

  private boolean mayHandleHere(Delivery delivery) {
    MessageTransport.Subscription current = subscription; // null for the first messages
    return processor.isNonBlocking(delivery.message) && delivery.receivedAt - handOverUntil >= 0 && current != null
        && current.pending() <= settings.queueCapacity();
  }

  private void refuse(BrokerMessage message) {
    release(message);
    processor.refuse(message);
  }

  private void release(BrokerMessage message) {
    buffered.addAndGet(-message.body().length);
  }

  /** Returns what was not processed as asked, since the container was created. */
  public ListenerCounters counters() {
    return processor.counters();
  }

  /** Returns what the container subscribes to. */
  public ListenerSettings settings() {
    return settings;
  }

  /** Returns what became of the messages of each subscription, in their order. */
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
      ending.drain(settings.drainTimeout());
      stopping.shutdown();
      if (!stopping.awaitTermination(deadline - System.nanoTime(), TimeUnit.NANOSECONDS)) {
        giveUp(stopping);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } finally {
      pool = null;
      subscription = null;
      lifecycle.unlock();
    }
  }

  private void giveUp(ThreadPoolExecutor stopping) {
    int running = stopping.getActiveCount();
    List<Runnable> queued = stopping.shutdownNow();
    log.warn("Not drained within {}: interrupted {} handlers, refused {} queued messages", settings.drainTimeout(),
        running, queued.size());
    queued.forEach(task -> refuse(((Delivery) task).message));
  }

  /** A message on its way through the queue to the handler. */
  private final class Delivery implements Runnable {

    private final BrokerMessage message;
    private final long receivedAt = System.nanoTime();

    private Delivery(BrokerMessage message) {
      this.message = message;
    }

    @Override
    public void run() {
      handlers.acquireUninterruptibly(); // there are no more threads; a handler on the transport's may have to end first
      handle();
    }

    /** Runs on the thread of the transport or of a publisher, whose context and interrupt are not the handler's. */
    void runHere() {
      Thread thread = Thread.currentThread();
      boolean interrupted = Thread.interrupted();
      ClassLoader loader = thread.getContextClassLoader();
      thread.setContextClassLoader(handlersLoader);
      try {
        handle();
      } finally {
        thread.setContextClassLoader(loader);
        if (interrupted) {
          thread.interrupt();
        }
        long now = System.nanoTime();
        if (now - receivedAt > TOO_LONG) {
          handOverUntil = now + WHILE;
        }
      }
    }

    private void handle() {
      try {
        processor.process(message, receivedAt);
      } finally {
        handlers.release();
        release(message);
      }
    }
  }
}
