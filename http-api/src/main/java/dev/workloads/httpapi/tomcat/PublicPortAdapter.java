package dev.workloads.httpapi.tomcat;

import jakarta.servlet.ServletException;
import java.io.IOException;
import org.apache.catalina.connector.Connector;
import org.apache.catalina.connector.CoyoteAdapter;
import org.apache.catalina.connector.Request;
import org.apache.catalina.connector.Response;

/**
 * Keeps a busy connection off Tomcat's poller, and removes the methods from Tomcat's answer to {@code OPTIONS *}: Tomcat asks
 * no servlet for them.
 */
final class PublicPortAdapter extends CoyoteAdapter {

  PublicPortAdapter(Connector connector) {
    super(connector);
  }

  /**
   * Lets other requests go first once this one is answered. Under load the client's next request has come by then, and
   * Tomcat goes on with it at once. Without the pause the connection goes to the poller's thread and comes back by another.
   */
  @Override
  public void service(org.apache.coyote.Request coyoteRequest, org.apache.coyote.Response coyoteResponse)
      throws Exception {
    super.service(coyoteRequest, coyoteResponse);
    Thread.yield();
  }

  @Override
  protected boolean postParseRequest(org.apache.coyote.Request coyoteRequest, Request request,
      org.apache.coyote.Response coyoteResponse, Response response) throws IOException, ServletException {
    boolean toBeProcessed = super.postParseRequest(coyoteRequest, request, coyoteResponse, response);
    if (coyoteRequest.requestURI().equals("*")) {
      coyoteResponse.getMimeHeaders().removeHeader("Allow");
    }
    return toBeProcessed;
  }
}
