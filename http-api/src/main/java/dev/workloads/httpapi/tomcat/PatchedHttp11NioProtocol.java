package dev.workloads.httpapi.tomcat;

import java.io.IOException;
import java.nio.ByteBuffer;
import org.apache.coyote.Adapter;
import org.apache.coyote.Processor;
import org.apache.coyote.Request;
import org.apache.coyote.http11.Http11NioProtocol;
import org.apache.coyote.http11.Http11Processor;
import org.apache.tomcat.util.net.AbstractEndpoint.Handler.SocketState;
import org.apache.tomcat.util.net.SocketWrapperBase;

/**
 * Tomcat's HTTP/1.1 without a defect of version 11.0.27: where a chunked body that is read without blocking ends,
 * Tomcat starts to work on the connection a second time while it still works on it. So it answered a pipelined request
 * before the first one, or with parts of the first one's answer, and a client that had ended its output got no answer.
 * PipeliningTests fail without the patch, also on 11.0.29.
 *
 * <p>Public for Tomcat, which creates it by its name.
 */
public final class PatchedHttp11NioProtocol extends Http11NioProtocol {

  private static final int ANSWER_BUFFER = 512; // the servlet writes an answer in one piece, which needs no buffer

  private static final int SOCKET_NOTE = 17; // Tomcat uses those up to 16
  private static final ByteBuffer NOTHING = ByteBuffer.allocate(0);

  private long writeTimeout;

  /** Sets for how many milliseconds a write waits for the client to take more; Tomcat's is the time for a request's head. */
  void setWriteTimeout(long writeTimeout) {
    this.writeTimeout = writeTimeout;
  }

  /**
   * Returns whether the client has ended its output or broken the connection off. A next request that the client has sent
   * hides the end, and stays in the socket's buffer: Tomcat's own ActionCode.AVAILABLE may overwrite what came with the body.
   */
  static boolean isInputEnded(Request request) {
    try {
      return request.getNote(SOCKET_NOTE) instanceof SocketWrapperBase<?> socket
          && !socket.isReadyForRead() && socket.read(false, NOTHING) < 0;
    } catch (IOException e) {
      return true;
    }
  }

  /** Sets the adapter in place of the one that Tomcat sets later. */
  void useAdapter(Adapter own) {
    super.setAdapter(own);
  }

  @Override
  public void setAdapter(Adapter adapter) {
    if (getAdapter() == null) {
      super.setAdapter(adapter);
    }
  }

  @Override
  public int getDesiredBufferSize() {
    return ANSWER_BUFFER;
  }

  @Override
  protected Processor createProcessor() {
    return new Http11Processor(this, getAdapter()) {

      @Override
      public SocketState service(SocketWrapperBase<?> socket) throws IOException {
        socket.setWriteTimeout(writeTimeout);
        request.setNote(SOCKET_NOTE, socket);
        return super.service(socket);
      }

      @Override
      protected void executeDispatches() {
        if (request.isRequestThread()) {
          getIteratorAndClearDispatches(); // this thread sees for itself that the body has ended
        } else {
          super.executeDispatches();
        }
      }
    };
  }
}
