package dev.workloads.httpapi;

import org.apache.coyote.http11.Http11NioProtocol;

/** HTTP/1.1 with little memory for an answer under way: ours are written whole, past Tomcat's buffers. */
public final class SmallBuffersProtocol extends Http11NioProtocol {

  @Override
  public int getDesiredBufferSize() {
    return 512;
  }
}
