package dev.workloads.messaging.durable.autoconfigure;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Base64;
import org.springframework.core.io.ClassPathResource;
import org.springframework.http.MediaType;
import org.springframework.http.ResponseEntity;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.RestController;

/** The page over the endpoint {@code tasks}: one file, whose policy allows its own script and style only. */
@RestController
final class TasksPage {

  private final ResponseEntity<byte[]> answer;

  /**
   * Reads the page.
   *
   * @param path the endpoint's
   * @param mayChange whether the page has what retries and deletes
   */
  TasksPage(String path, boolean mayChange) throws IOException, NoSuchAlgorithmException {
    answer = answer(new ClassPathResource("durable-tasks-page.html")
        .getContentAsString(StandardCharsets.UTF_8).replace("data-api=\"actuator/tasks\"", "data-api=\"" + path.substring(1) + "\"")
        .replace("data-access=\"read-only\"", mayChange ? "data-access=\"unrestricted\"" : "data-access=\"read-only\""));
  }

  private static ResponseEntity<byte[]> answer(String html) throws NoSuchAlgorithmException {
    return ResponseEntity.ok().contentType(new MediaType(MediaType.TEXT_HTML, StandardCharsets.UTF_8))
        .header("Content-Security-Policy", "default-src 'none'; script-src " + hash(html, "script") + "; style-src "
            + hash(html, "style") + "; connect-src 'self'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'")
        .header("Referrer-Policy", "same-origin").header("X-Content-Type-Options", "nosniff")
        .header("Cache-Control", "no-cache").body(html.getBytes(StandardCharsets.UTF_8));
  }

  private static String hash(String html, String element) throws NoSuchAlgorithmException {
    String content = html.substring(html.indexOf("<" + element + ">") + element.length() + 2,
        html.indexOf("</" + element + ">"));
    byte[] hash = MessageDigest.getInstance("SHA-256").digest(content.getBytes(StandardCharsets.UTF_8));
    return "'sha256-" + Base64.getEncoder().encodeToString(hash) + "'";
  }

  @GetMapping("/tasks")
  ResponseEntity<byte[]> page() {
    return answer;
  }
}
