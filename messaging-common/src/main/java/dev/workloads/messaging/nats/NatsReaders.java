package dev.workloads.messaging.nats;

import io.nats.client.Connection;
import java.io.IOException;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Runs jnats' reading loops, and reconnects when one has failed.
 *
 * <p>A message whose headers jnats cannot read, say for a value beyond ASCII that other clients may send, ends the
 * loop. jnats itself notices only when its pings are not answered, and takes the connection for a healthy one until
 * then.
 */
final class NatsReaders extends ThreadPoolExecutor {

  private static final Logger log = LoggerFactory.getLogger(NatsReaders.class);

  private final Supplier<@Nullable Connection> current;

  /**
   * Creates the executor.
   *
   * @param current the connection that is read, or {@code null} if none is to be reconnected any more
   */
  NatsReaders(Supplier<@Nullable Connection> current) {
    super(0, Integer.MAX_VALUE, 1, TimeUnit.SECONDS, new SynchronousQueue<>(), task -> {
      Thread thread = new Thread(task, "nats-reader");
      thread.setDaemon(true);
      return thread;
    });
    this.current = current;
  }

  /** Called on the thread of the loop, which has nothing else to do and so may wait until the connection is back. */
  @Override
  protected void afterExecute(Runnable task, @Nullable Throwable failure) {
    super.afterExecute(task, failure);
    try {
      if (task instanceof Future<?> loop && loop.isDone()) {
        loop.get();
      }
    } catch (ExecutionException e) {
      reconnect(e.getCause());
    } catch (CancellationException e) {
      // Closed
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void reconnect(@Nullable Throwable cause) {
    log.error("Reconnecting to NATS, for a message that cannot be read: {}", String.valueOf(cause));
    Connection connection = current.get();
    try {
      if (connection != null) {
        connection.forceReconnect();
      }
    } catch (IOException e) {
      log.warn("Could not reconnect to NATS: {}", NatsConnectionState.masked(e.toString()));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
