package dev.workloads.httpapi;

import jakarta.servlet.ServletException;
import java.io.IOException;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.CharBuffer;
import org.apache.catalina.connector.InputBuffer;
import org.apache.catalina.connector.Request;
import org.apache.catalina.connector.Response;
import org.apache.catalina.valves.ValveBase;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Takes from Tomcat's requests the buffer for a {@code Reader}, which nobody asks for here: 16 KB for each request that
 * waits, a third of what it holds, and there is no setting for it.
 */
final class NoReaderBuffer extends ValveBase {

  private static final Logger log = LoggerFactory.getLogger(NoReaderBuffer.class);
  private static final CharBuffer EMPTY = CharBuffer.allocate(0);
  private static final @Nullable VarHandle INPUT = field(Request.class, "inputBuffer", InputBuffer.class);
  private static final @Nullable VarHandle BUFFER = field(InputBuffer.class, "cb", CharBuffer.class);

  NoReaderBuffer() {
    super(true);
  }

  private static @Nullable VarHandle field(Class<?> owner, String name, Class<?> type) {
    try {
      return MethodHandles.privateLookupIn(owner, MethodHandles.lookup()).findVarHandle(owner, name, type);
    } catch (ReflectiveOperationException e) {
      log.warn("Another version of Tomcat: a request that waits holds 16 KB more ({})", e.toString());
      return null;
    }
  }

  @Override
  public void invoke(Request request, Response response) throws IOException, ServletException {
    if (INPUT != null && BUFFER != null) {
      BUFFER.set(INPUT.get(request), EMPTY);
    }
    getNext().invoke(request, response);
  }
}
