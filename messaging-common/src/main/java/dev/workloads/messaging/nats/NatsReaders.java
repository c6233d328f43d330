package dev.workloads.messaging.nats;

import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.SynchronousQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Runs jnats' reading loops, and tells when one has failed.
 *
 * <p>A message whose headers jnats cannot read, say for a value beyond ASCII that other clients may send, ends the
 * loop. jnats itself notices only when its pings are not answered, and takes the connection for a healthy one until
 * then.
 */
final class NatsReaders extends ThreadPoolExecutor {

  private final Consumer<Throwable> onFailure;

  /**
   * Creates the executor.
   *
   * @param onFailure called on the thread of the loop that failed; may block
   */
  NatsReaders(Consumer<Throwable> onFailure) {
    super(0, Integer.MAX_VALUE, 1, TimeUnit.SECONDS, new SynchronousQueue<>(), task -> {
      Thread thread = new Thread(task, "nats-reader");
      thread.setDaemon(true);
      return thread;
    });
    this.onFailure = onFailure;
  }

  @Override
  protected void afterExecute(Runnable task, @Nullable Throwable failure) {
    super.afterExecute(task, failure);
    try {
      if (task instanceof Future<?> loop && loop.isDone()) {
        loop.get();
      }
    } catch (ExecutionException e) {
      onFailure.accept(e.getCause());
    } catch (CancellationException e) {
      // Closed
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
