package dev.workloads.httpapi.tomcat;

import jakarta.servlet.DispatcherType;
import jakarta.servlet.ServletException;
import jakarta.servlet.ServletRequest;
import java.io.IOException;
import org.apache.catalina.connector.Request;
import org.apache.catalina.connector.Response;
import org.apache.catalina.valves.ValveBase;
import org.apache.coyote.ActionCode;
import org.apache.coyote.ContinueResponseTiming;

/**
 * Lets a servlet ask for the body, close the connection after an answer that did not need all of the body, see that the
 * client has gone, and name the client. Without this valve Tomcat reads up to 2 MB more after the answer, as slowly as the client
 * likes.
 */
public final class InputValve extends ValveBase {

  private static final String REQUEST = InputValve.class.getName();
  private static final int SHORT_BODY = 8192; // what Tomcat reads at once, head and body

  InputValve() {
    super(true);
  }

  @Override
  public void invoke(Request request, Response response) throws IOException, ServletException {
    request.setAttribute(REQUEST, request);
    getNext().invoke(request, response);
  }

  /** Sends 100 to a client that waits for it; Tomcat itself does so only for a read that blocks. */
  public static void askForBody(ServletRequest request) {
    if (request.getAttribute(REQUEST) instanceof Request tomcats) {
      tomcats.getResponse().sendAcknowledgement(ContinueResponseTiming.ON_REQUEST_BODY_READ);
    }
  }

  /**
   * Makes Tomcat close the connection after the answer if a part of the body has not been read; skips a short body that has come
   * in, since a new connection costs the client and this application more. Does not block.
   */
  public static void closeIfUnread(ServletRequest request) throws IOException {
    if (request.getContentLengthLong() != 0 && request.getAttribute(REQUEST) instanceof Request tomcats) {
      skipShortBody(tomcats);
      if (!request.getInputStream().isFinished()) {
        doNotReadRest(tomcats);
      }
    }
  }

  private static void skipShortBody(Request request) throws IOException {
    long length = request.getContentLengthLong();
    boolean isUntouched = request.getDispatcherType() == DispatcherType.REQUEST && !request.isAsyncStarted();
    if (isUntouched && length > 0 && length <= SHORT_BODY) {
      org.apache.coyote.Request coyote = request.getCoyoteRequest();
      coyote.action(ActionCode.AVAILABLE, false);
      if (coyote.getAvailable() >= length) {
        request.getInputStream().readNBytes((int) length);
      }
    }
  }

  /**
   * Returns whether the client has ended its output or broken the connection off. Does not block. Only the thread that works
   * on the request may call it. Over HTTP/2 it returns false: Tomcat tells nobody that a stream was reset.
   */
  public static boolean isEnded(ServletRequest request) {
    return request.getAttribute(REQUEST) instanceof Request tomcats
        && PatchedHttp11NioProtocol.isInputEnded(tomcats.getCoyoteRequest());
  }

  /** Cuts the connection, or resets the stream over HTTP/2: the client sees that the answer is not whole. */
  public static void cutOff(ServletRequest request) {
    if (request.getAttribute(REQUEST) instanceof Request tomcats) {
      tomcats.getCoyoteRequest().action(ActionCode.CLOSE_NOW, null);
    }
  }

  /** Names the sender of a request, for the access log. */
  public static void setUser(ServletRequest request, String name) {
    if (request.getAttribute(REQUEST) instanceof Request tomcats) {
      tomcats.setUserPrincipal(() -> name);
    }
  }

  // Over HTTP/2 this would reset the stream, and the reset may reach the client before the answer
  static void doNotReadRest(Request request) {
    if (!"HTTP/2.0".equals(request.getProtocol())) {
      request.getCoyoteRequest().action(ActionCode.DISABLE_SWALLOW_INPUT, null);
    }
  }
}
