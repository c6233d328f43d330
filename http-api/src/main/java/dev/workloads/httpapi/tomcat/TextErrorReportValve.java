package dev.workloads.httpapi.tomcat;

import java.io.IOException;
import java.io.Writer;
import org.apache.catalina.connector.Request;
import org.apache.catalina.connector.Response;
import org.apache.catalina.valves.ErrorReportValve;
import org.springframework.http.HttpStatus;

/**
 * Answers a request that Tomcat refuses before the servlet sees it, with a line of text in place of Tomcat's HTML page.
 *
 * <p>Public for Tomcat, which creates it by its name.
 */
public final class TextErrorReportValve extends ErrorReportValve {

  @Override
  protected void report(Request request, Response response, Throwable failure) {
    HttpStatus status = HttpStatus.resolve(response.getStatus());
    if (status == null || !status.isError() || response.getContentWritten() > 0 || !response.setErrorReported()) {
      return;
    }
    InputValve.doNotReadRest(request);
    try {
      response.setContentType("text/plain");
      response.setCharacterEncoding("UTF-8");
      response.setHeader("X-Content-Type-Options", "nosniff");
      response.setHeader("Cache-Control", "no-store");
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
