package dev.workloads.httpapi.tomcat;

import java.time.Duration;
import org.apache.catalina.connector.Connector;
import org.apache.catalina.core.StandardHost;
import org.apache.coyote.AbstractProtocol;
import org.apache.coyote.ProtocolHandler;
import org.apache.coyote.UpgradeProtocol;
import org.apache.coyote.http2.Http2Protocol;
import org.jspecify.annotations.Nullable;
import org.springframework.boot.tomcat.servlet.TomcatServletWebServerFactory;
import org.springframework.boot.web.server.WebServerFactoryCustomizer;
import org.springframework.core.annotation.Order;

/**
 * Sets up Tomcat for the public port, with little memory for each connection: a client that opens them by the thousand
 * and sends half a request on each must not use up the heap.
 */
@Order(1) // after Spring Boot's own customizer, which is 0, and before those of whoever deploys the application
public final class PublicPortTomcatCustomizer implements WebServerFactoryCustomizer<TomcatServletWebServerFactory> {

  // An idle connection holds 5 KB and half a request 46 KB with these; with Tomcat's own 8 KB each, 17 and 80
  private static final String READ_BUFFER = "1024";
  private static final String WRITE_BUFFER = "4096";
  private static final int TRAILERS = 512; // allocated for each request, though hardly a client sends any
  // Each header more holds 300 bytes, and holds them for later requests; Tomcat's own number is 100
  private static final int HEADERS = 50;

  // The kernel doubles this, and takes more once a third is free. In its own 4 MB a client that takes 50 KB a second would
  // seem to take nothing, and all 4 MB count as a container's memory
  private static final String SEND_BUFFER = "65536";

  private final int maxConnections;
  private final Duration writeTimeout;
  private final int processorCache;
  private volatile @Nullable ProtocolHandler protocol;

  /**
   * Creates the customizer.
   *
   * @param maxConnections the most connections that Tomcat accepts; more wait in the operating system
   * @param writeTimeout how long an answer waits for its client to take more of it; then the connection is cut
   * @param processorCache how many requests' objects, 46 KB each, Tomcat keeps for later ones
   */
  public PublicPortTomcatCustomizer(int maxConnections, Duration writeTimeout, int processorCache) {
    this.maxConnections = maxConnections;
    this.writeTimeout = writeTimeout;
    this.processorCache = processorCache;
  }

  @Override
  public void customize(TomcatServletWebServerFactory factory) {
    factory.setProtocol(PatchedHttp11NioProtocol.class.getName());
    factory.addContextValves(new InputValve());
    factory.addConnectorCustomizers(this::customize);
    factory.addContextCustomizers(context -> ((StandardHost) context.getParent())
        .setErrorReportValveClass(TextErrorReportValve.class.getName()));
  }

  /** Asks the clients of HTTP/2 connections to open no further streams on them; those that are open finish. */
  public void goAway() {
    if (protocol instanceof AbstractProtocol<?> started) {
      started.getHandler().pause(); // takes no connection's requests away, and does nothing at all on HTTP/1.1
    }
  }

  private void customize(Connector connector) {
    protocol = connector.getProtocolHandler();
    connector.setAllowTrace(true); // the servlet refuses TRACE, and says in Allow what it takes
    connector.setProperty("socket.appReadBufSize", READ_BUFFER);
    connector.setProperty("socket.appWriteBufSize", WRITE_BUFFER);
    connector.setProperty("socket.txBufSize", SEND_BUFFER);
    if (protocol instanceof PatchedHttp11NioProtocol http) {
      http.useAdapter(new PublicPortAdapter(connector));
      http.setMaxTrailerSize(TRAILERS);
      http.setContinueResponseTiming("onRead"); // no 100 before an answer that does not need the body
      http.setMaxHeaderCount(HEADERS);
      http.setMaxConnections(maxConnections);
      http.setProcessorCache(processorCache);
      http.setWriteTimeout(writeTimeout.toMillis());
    }
    for (UpgradeProtocol upgrade : connector.findUpgradeProtocols()) {
      if (upgrade instanceof Http2Protocol http2) {
        http2.setWriteTimeout(writeTimeout.toMillis());
        http2.setStreamWriteTimeout(writeTimeout.toMillis());
      }
    }
  }
}
