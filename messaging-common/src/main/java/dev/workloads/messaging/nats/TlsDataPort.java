package dev.workloads.messaging.nats;

import io.nats.client.Options;
import io.nats.client.impl.SocketDataPortWithWriteTimeout;
import io.nats.client.support.NatsUri;
import java.io.IOException;
import javax.net.ssl.SSLException;
import javax.net.ssl.SSLParameters;
import javax.net.ssl.SSLSocket;

/**
 * A socket of jnats that checks whose certificate the server shows: jnats itself accepts one for any host, as long as it
 * trusts the issuer. Made by jnats, which finds it by name.
 */
public final class TlsDataPort extends SocketDataPortWithWriteTimeout {

  private static final String TRUST_ALL_SCHEME = "opentls";

  private Options options = Options.builder().build();

  @Override
  public void afterConstruct(Options options) {
    super.afterConstruct(options);
    this.options = options;
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

  @Override
  public int read(byte[] target, int offset, int length) throws IOException {
    try {
      return super.read(target, offset, length);
    } catch (SSLException e) {
      // In TLS 1.3 a server refuses our certificate after the handshake, where jnats tells nobody
      options.getErrorListener().exceptionOccurred(connection, e);
      throw e;
    }
  }
}
