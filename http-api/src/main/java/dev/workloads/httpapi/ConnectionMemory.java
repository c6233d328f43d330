package dev.workloads.httpapi;

import org.apache.catalina.connector.Connector;
import org.apache.coyote.http11.AbstractHttp11Protocol;
import org.springframework.boot.tomcat.TomcatConnectorCustomizer;

/**
 * Bounds what connections hold, each and in all: a client that opens them by the thousand and sends half a request on each
 * must not use up the heap.
 */
final class ConnectionMemory implements TomcatConnectorCustomizer {

  // With Tomcat's own 8 KB each, half a request held 80 KB and an idle connection 17; with these it is 33 and 3 to 5.
  // Our answers' headers are a few hundred bytes.
  private static final int READ_BUFFER = 1024;
  private static final int WRITE_BUFFER = 4096;
  private static final int ANSWER_HEADERS = 2048;
  private static final int TRAILERS = 512; // allocated at once, though hardly a client sends any

  private final int maxConnections;

  /** Creates the bounds; as many connections are accepted at once, and more wait. */
  ConnectionMemory(int maxConnections) {
    this.maxConnections = maxConnections;
  }

  @Override
  public void customize(Connector connector) {
    connector.setProperty("socket.appReadBufSize", Integer.toString(READ_BUFFER));
    connector.setProperty("socket.appWriteBufSize", Integer.toString(WRITE_BUFFER));
    if (connector.getProtocolHandler() instanceof AbstractHttp11Protocol<?> protocol) {
      protocol.setMaxHttpResponseHeaderSize(ANSWER_HEADERS);
      protocol.setMaxTrailerSize(TRAILERS);
      protocol.setMaxConnections(maxConnections);
    }
  }
}
