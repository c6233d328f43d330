package dev.workloads.httpapi;

import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Base64;
import java.util.List;
import org.springframework.core.io.ClassPathResource;
import org.springframework.http.MediaType;

/** The page at {@code /} on which a task can be tried: one file, whose policy allows its own script and style only. */
final class TaskPage {

  private static final List<MediaType> HTML = List.of(MediaType.TEXT_HTML);
  private static final List<MediaType> OTHERS =
      List.of(MediaType.TEXT_PLAIN, MediaType.APPLICATION_JSON, MediaType.APPLICATION_PROBLEM_JSON);

  private final byte[] html;
  private final String policy;

  /**
   * Reads the page.
   *
   * @param durable whether it offers durable tasks
   */
  TaskPage(boolean durable) throws IOException {
    String text = new ClassPathResource("task-page.html").getContentAsString(StandardCharsets.UTF_8);
    text = durable ? text : text.replaceAll("(?s)<!-- durable -->.*?<!-- /durable -->\n", "");
    html = text.getBytes(StandardCharsets.UTF_8);
    policy = "default-src 'none'; script-src " + hash(text, "script") + "; style-src " + hash(text, "style")
        + "; connect-src 'self'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'";
  }

  private static String hash(String html, String element) {
    String content = html.substring(html.indexOf("<" + element + ">") + element.length() + 2,
        html.indexOf("</" + element + ">"));
    byte[] hash = Sha256.digest().digest(content.getBytes(StandardCharsets.UTF_8));
    return "'sha256-" + Base64.getEncoder().encodeToString(hash) + "'";
  }

  /** Returns whether a browser asks for the page. Programs do not prefer HTML, and do not get the page. */
  static boolean isAskedFor(HttpServletRequest request) {
    return "/".equals(request.getPathInfo()) && List.of("GET", "HEAD").contains(request.getMethod())
        && Accept.prefers(request, HTML, OTHERS);
  }

  void write(HttpServletResponse response) throws IOException {
    response.setHeader("Content-Security-Policy", policy);
    response.setHeader("Referrer-Policy", "no-referrer");
    response.setHeader("Cache-Control", "no-cache");
    response.setHeader("Vary", "Accept");
    ProblemWriter.write(response, HttpServletResponse.SC_OK, "text/html;charset=UTF-8", html);
  }
}
