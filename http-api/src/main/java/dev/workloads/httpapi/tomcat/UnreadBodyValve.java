package dev.workloads.httpapi.tomcat;

import jakarta.servlet.ServletException;
import jakarta.servlet.ServletRequest;
import java.io.IOException;
import org.apache.catalina.connector.Request;
import org.apache.catalina.connector.Response;
import org.apache.catalina.valves.ValveBase;
import org.apache.coyote.ActionCode;

/**
 * Lets a servlet answer before it has read the whole body, and then close the connection. Without this valve Tomcat
 * reads up to 2 MB more after the answer, as slowly as the client likes.
 */
public final class UnreadBodyValve extends ValveBase {

  private static final String DO_NOT_READ = UnreadBodyValve.class.getName();

  UnreadBodyValve() {
    super(true);
  }

  @Override
  public void invoke(Request request, Response response) throws IOException, ServletException {
    request.setAttribute(DO_NOT_READ, (Runnable) () -> doNotReadRest(request));
    getNext().invoke(request, response);
  }

  /** Makes Tomcat close the connection after the answer if a part of the body has not been read. */
  public static void closeIfUnread(ServletRequest request) throws IOException {
    if (request.getContentLengthLong() != 0 && !request.getInputStream().isFinished()
        && request.getAttribute(DO_NOT_READ) instanceof Runnable doNotRead) {
      doNotRead.run();
    }
  }

  static void doNotReadRest(Request request) {
    request.getCoyoteRequest().action(ActionCode.DISABLE_SWALLOW_INPUT, null);
  }
}
