package dev.workloads.httpapi;

import java.io.IOException;
import java.io.Writer;
import org.apache.catalina.connector.Request;
import org.apache.catalina.connector.Response;
import org.apache.catalina.valves.ErrorReportValve;
import org.apache.coyote.ActionCode;
import org.springframework.http.HttpStatus;

/** Answers what Tomcat refuses before it reaches the servlet with a line of text, in place of an HTML page. */
public final class TextErrorReportValve extends ErrorReportValve {

  @Override
  protected void report(Request request, Response response, Throwable failure) {
    HttpStatus status = HttpStatus.resolve(response.getStatus());
    if (status == null || !status.isError() || response.getContentWritten() > 0 || !response.setErrorReported()) {
      return;
    }
    // The rest of a body is not read, however slowly it comes in: the connection is closed after the answer
    request.getCoyoteRequest().action(ActionCode.DISABLE_SWALLOW_INPUT, null);
    try {
      response.setContentType("text/plain");
      response.setCharacterEncoding("UTF-8");
      response.setHeader("X-Content-Type-Options", "nosniff");
      Writer writer = response.getReporter();
      if (writer != null) {
        writer.write(status == HttpStatus.NOT_FOUND ? "Not found\n" : status.getReasonPhrase() + "\n");
        response.finishResponse();
      }
    } catch (IOException | IllegalStateException e) {
      container.getLogger().debug("An error was not reported", e);
    }
  }
}
