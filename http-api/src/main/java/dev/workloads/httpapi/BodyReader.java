package dev.workloads.httpapi;

import dev.workloads.httpapi.Client.Admission;
import dev.workloads.httpapi.tomcat.InputValve;
import jakarta.servlet.AsyncContext;
import jakarta.servlet.AsyncEvent;
import jakarta.servlet.AsyncListener;
import jakarta.servlet.ReadListener;
import jakarta.servlet.ServletInputStream;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.time.Duration;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Reads a body that comes in slowly. The whole body has one deadline. No thread waits for it, so a slow client costs a
 * connection and no more. The complete body is dispatched to the servlet again.
 *
 * <p>Tomcat calls a reader from one thread at a time.
 */
final class BodyReader implements ReadListener, AsyncListener {

  static final String UNEXPECTED =
      "A request failed with an exception that nothing expects, and its client gets 500. Report the stack trace as a defect";

  private static final Logger log = LoggerFactory.getLogger(BodyReader.class);
  private static final String READER = BodyReader.class.getName();

  private final AsyncContext context;
  private final HttpServletRequest request; // the context refuses to return it after a dispatch
  private final ServletInputStream in;
  private final RequestBody body;
  private final Admission admission;

  private BodyReader(AsyncContext context, HttpServletRequest request, RequestBody body, Admission admission)
      throws IOException {
    this.context = context;
    this.request = request;
    this.in = request.getInputStream();
    this.body = body;
    this.admission = admission;
  }

  /** Starts to read. Body and admission are closed when the request is complete. */
  static void read(HttpServletRequest request, HttpServletResponse response, RequestBody body, Admission admission,
      Duration timeout) throws IOException {
    AsyncContext context = request.startAsync(request, response);
    context.setTimeout(timeout.toMillis());
    BodyReader reader = new BodyReader(context, request, body, admission);
    context.addListener(reader);
    reader.in.setReadListener(reader);
  }

  /** Returns who has read the whole body of this request, or {@code null} if nobody has. */
  static @Nullable BodyReader of(HttpServletRequest request) {
    return (BodyReader) request.getAttribute(READER);
  }

  RequestBody body() {
    return body;
  }

  Admission admission() {
    return admission;
  }

  @Override
  public void onDataAvailable() throws IOException {
    try {
      while (in.isReady()) {
        if (!body.readFrom(in)) {
          return;
        }
      }
    } catch (ProblemException e) {
      end(e);
    }
  }

  @Override
  public void onAllDataRead() {
    request.setAttribute(READER, this);
    context.dispatch();
  }

  @Override
  public void onTimeout(AsyncEvent event) throws IOException {
    end(new ProblemException(Problem.REQUEST_TIMEOUT, "the body did not arrive in time"));
  }

  private void end(ProblemException failure) throws IOException {
    answer(failure);
    context.complete();
  }

  private void answer(ProblemException failure) throws IOException {
    HttpServletResponse response = (HttpServletResponse) context.getResponse();
    close();
    ProblemWriter.announceClose(request, response);
    ProblemWriter.write(request, response, failure);
  }

  @Override
  public void onError(Throwable failure) {
    try {
      if (failure instanceof IOException) {
        log.debug("A body was not read to its end", failure);
        answer(ProblemException.invalid("the body is cut off, or its chunks are malformed"));
      } else {
        log.error(UNEXPECTED, failure);
        answer(ProblemException.internalError());
      }
      context.getResponse().flushBuffer(); // Tomcat cuts the connection next
    } catch (IOException e) {
      log.debug("The client is gone", e);
    }
  }

  @Override
  public void onError(AsyncEvent event) {
    context.complete();
  }

  @Override
  public void onComplete(AsyncEvent event) throws IOException {
    close();
    // Before the request is complete, this would leave it active in Tomcat for ever, and a stop would wait for it
    InputValve.closeIfUnread(request);
  }

  private void close() {
    body.close();
    admission.close();
  }

  @Override
  public void onStartAsync(AsyncEvent event) {
    // no second cycle is ever started
  }
}
