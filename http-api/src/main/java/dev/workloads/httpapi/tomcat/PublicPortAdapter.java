package dev.workloads.httpapi.tomcat;

import jakarta.servlet.ServletException;
import java.io.IOException;
import org.apache.catalina.connector.Connector;
import org.apache.catalina.connector.CoyoteAdapter;
import org.apache.catalina.connector.Request;
import org.apache.catalina.connector.Response;

/** Takes out of Tomcat's answer to {@code OPTIONS *} the methods that it offers without asking any servlet. */
final class PublicPortAdapter extends CoyoteAdapter {

  PublicPortAdapter(Connector connector) {
    super(connector);
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
