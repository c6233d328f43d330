package dev.workloads.httpapi;

import jakarta.servlet.ServletException;
import jakarta.servlet.ServletRequest;
import java.io.IOException;
import org.apache.catalina.connector.Request;
import org.apache.catalina.connector.Response;
import org.apache.catalina.valves.ValveBase;
import org.apache.coyote.ActionCode;

/**
 * Lets a servlet give up the rest of a body: the connection is closed after the answer, where Tomcat would first read up to
 * 2 MB more, as slowly as the client likes.
 */
final class UnreadBody extends ValveBase {

  private static final String DISCARD = UnreadBody.class.getName();

  UnreadBody() {
    super(true);
  }

  @Override
  public void invoke(Request request, Response response) throws IOException, ServletException {
    Runnable discard = () -> request.getCoyoteRequest().action(ActionCode.DISABLE_SWALLOW_INPUT, null);
    request.setAttribute(DISCARD, discard);
    getNext().invoke(request, response);
  }

  /** Closes the connection after the answer, unless the body has been read. */
  static void discard(ServletRequest request) throws IOException {
    if (request.getContentLengthLong() != 0 && !request.getInputStream().isFinished()
        && request.getAttribute(DISCARD) instanceof Runnable discard) {
      discard.run();
    }
  }
}
