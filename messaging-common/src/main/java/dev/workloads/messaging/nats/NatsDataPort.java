package dev.workloads.messaging.nats;

import io.nats.client.Options;
import io.nats.client.impl.SocketDataPortWithWriteTimeout;
import io.nats.client.support.NatsUri;
import java.io.IOException;
import java.util.concurrent.atomic.AtomicReference;
import javax.net.ssl.SSLException;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSocket;
import org.jspecify.annotations.Nullable;

/**
 * A socket of jnats that does what jnats leaves out. It checks the host name in the server's certificate; jnats checks the issuer
 * alone. It notices a server that rejects a login and hangs up; jnats waits for its whole connect timeout. Made by jnats, which
 * finds it by name.
 */
public final class NatsDataPort extends SocketDataPortWithWriteTimeout {

  private static final String TRUST_ALL_SCHEME = "opentls";
  private static final byte ERROR = '-'; // as in -ERR

  private final NatsInputBuffer input = new NatsInputBuffer();
  private Options options = Options.builder().build();
  private @Nullable Thread client; // the one that connects; until it has sent its login, jnats notices a hang-up itself
  private final AtomicReference<@Nullable Thread> loggingIn = new AtomicReference<>(); // until the server has answered
  private volatile boolean ended;

  /** Called on the thread that connects. */
  @Override
  public void afterConstruct(Options options) {
    super.afterConstruct(options);
    this.options = options;
    this.client = Thread.currentThread();
  }

  /** Blocks for the handshake; jnats bounds it, by closing the socket under it. */
  @Override
  public void upgradeToSecure() throws IOException {
    SSLSocket secure = (SSLSocket) options.getSslContext().getSocketFactory()
        .createSocket(socket, serverName(), port, true);
    if (options.getNatsServerUris().stream().noneMatch(uri -> uri.getScheme().equals(TRUST_ALL_SCHEME))) {
      SSLParameters parameters = secure.getSSLParameters();
      parameters.setEndpointIdentificationAlgorithm("HTTPS");
      secure.setSSLParameters(parameters);
    }
    secure.startHandshake();
    socket = secure;
    in = secure.getInputStream();
    out = secure.getOutputStream();
    isSecure = true;
  }

  // The servers that a cluster announces are addresses, which few certificates hold. As in other NATS clients, such a
  // server must prove the name of one that we were told of.
  private String serverName() {
    boolean configured = options.getNatsServerUris().stream().anyMatch(uri -> uri.getHost().equals(host));
    return configured ? host : options.getNatsServerUris().stream().filter(uri -> !uri.hostIsIpAddress())
        .map(NatsUri::getHost).findFirst().orElse(host);
  }

  /**
   * Called on jnats' writing thread. Where processes are scheduled as groups, as containers are, the process that a write wakes
   * preempts the writer: every message would travel alone. The yield lets those go first who are about to send, and the next write
   * takes what they send together.
   */
  @Override
  public void write(byte[] source, int length) throws IOException {
    if (client != null) {
      loggingIn.set(client);
      client = null;
      if (ended) { // the server hung up between its greeting and our login
        interruptLogin();
      }
    }
    Thread.yield();
    super.write(source, length);
  }

  @Override
  public int read(byte[] target, int offset, int length) throws IOException {
    int count = -1;
    try {
      count = input.read(in, target, offset, length);
    } catch (SSLException e) {
      // In TLS 1.3 a server refuses our certificate after the handshake, where jnats tells nobody
      options.getErrorListener().exceptionOccurred(connection, e);
      throw e;
    } finally {
      if (count < 0) {
        ended = true;
        interruptLogin();
      } else if (target[offset] != ERROR) {
        loggingIn.set(null);
      }
    }
    return count;
  }

  // jnats knows the server's error by now, and takes the interrupt for a failed attempt
  private void interruptLogin() {
    Thread waiting = loggingIn.getAndSet(null);
    if (waiting != null) {
      waiting.interrupt();
    }
  }

  /** Called by jnats before it ends the connection or the attempt itself. */
  @Override
  public void shutdownInput() throws IOException {
    loggingIn.set(null);
    super.shutdownInput();
  }
}
