package dev.workloads.systemtests;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.Supplier;

/**
 * A network between clients and a server on this host that can be cut: then nothing passes, not even the end of a
 * connection, and what was sent arrives when it is mended.
 *
 * <p>Threads: one accepts; two for each connection carry its bytes, one each way.
 */
final class TcpProxy implements AutoCloseable {

  private final ServerSocket listener;
  private final int target;
  private final Supplier<Observer> toClients;
  private final Supplier<Observer> toServer;
  private final ExecutorService threads = Executors.newCachedThreadPool();
  private final Set<Socket> sockets = ConcurrentHashMap.newKeySet();
  private boolean cut; // guarded by this

  TcpProxy(int target) {
    this(target, () -> Observer.NONE, () -> Observer.NONE);
  }

  /** Creates a network on which observers, one for each connection, see all that passes either way. */
  TcpProxy(int target, Supplier<Observer> toClients, Supplier<Observer> toServer) {
    this.target = target;
    this.toClients = toClients;
    this.toServer = toServer;
    try {
      listener = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    threads.execute(this::accept);
  }

  String natsUrl() {
    return "nats://127.0.0.1:" + listener.getLocalPort();
  }

  synchronized void cut() {
    cut = true;
  }

  synchronized void mend() {
    cut = false;
    notifyAll();
  }

  private synchronized void awaitMended() throws InterruptedException {
    while (cut) {
      wait();
    }
  }

  private void accept() {
    while (!listener.isClosed()) {
      try {
        Socket client = listener.accept();
        sockets.add(client);
        threads.execute(() -> connect(client));
      } catch (IOException e) {
        close();
      }
    }
  }

  private void connect(Socket client) {
    try {
      awaitMended();
      Socket server = new Socket(InetAddress.getLoopbackAddress(), target);
      sockets.add(server);
      threads.execute(() -> carry(server, client, toClients.get()));
      carry(client, server, toServer.get());
    } catch (IOException e) {
      end(client); // the server is down
    } catch (InterruptedException e) {
      end(client);
    }
  }

  private void carry(Socket from, Socket to, Observer observer) {
    try {
      try {
        InputStream in = from.getInputStream();
        OutputStream out = to.getOutputStream();
        byte[] buffer = new byte[65_536];
        for (int count = in.read(buffer); count >= 0; count = in.read(buffer)) {
          awaitMended();
          observer.passed(buffer, count);
          out.write(buffer, 0, count);
        }
      } catch (IOException e) {
        // one of the ends is gone, as the other is about to hear
      }
      awaitMended();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    end(from);
    end(to);
  }

  private void end(Socket socket) {
    try {
      sockets.remove(socket);
      socket.close();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Override
  public void close() {
    try {
      listener.close();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    threads.shutdownNow();
    sockets.forEach(this::end);
  }

  /** Sees the bytes that pass one way; called by one thread. */
  interface Observer {

    Observer NONE = (bytes, count) -> { };

    void passed(byte[] bytes, int count);
  }
}
