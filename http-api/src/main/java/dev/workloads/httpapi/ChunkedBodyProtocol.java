package dev.workloads.httpapi;

import org.apache.coyote.Processor;
import org.apache.coyote.http11.Http11NioProtocol;
import org.apache.coyote.http11.Http11Processor;

/**
 * Tomcat's HTTP/1.1 without a defect of version 11.0.27: where a chunked body that is read without blocking ends, it
 * works on the connection anew from within. So it answered a pipelined request before the first, or took parts of it
 * for a new one, and a client that had ended its output got no answer.
 */
public final class ChunkedBodyProtocol extends Http11NioProtocol {

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
