package dev.workloads.httpapi;

import org.apache.coyote.Processor;
import org.apache.coyote.http11.Http11NioProtocol;
import org.apache.coyote.http11.Http11Processor;

/**
 * Tomcat's HTTP/1.1 with little memory for an answer under way, and without a defect of version 11.0.27: where a chunked body
 * that is read without blocking ends, it starts to work on the connection anew from within. So it answered a pipelined
 * request before the first, or with parts of the first, and a client that had ended its output got no answer.
 */
public final class TaskProtocol extends Http11NioProtocol {

  private static final int ANSWER_BUFFER = 512; // ours are written whole, past Tomcat's buffers

  @Override
  public int getDesiredBufferSize() {
    return ANSWER_BUFFER;
  }

  @Override
  protected Processor createProcessor() {
    return new Http11Processor(this, getAdapter()) {

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
