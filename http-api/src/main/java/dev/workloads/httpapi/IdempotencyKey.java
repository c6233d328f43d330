package dev.workloads.httpapi;

import jakarta.servlet.http.HttpServletRequest;
import java.util.Collections;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** The key by which a client names a submission, so that it can repeat it (draft-ietf-httpapi-idempotency-key-header). */
final class IdempotencyKey {

  private static final String HEADER = "Idempotency-Key";
  private static final Pattern QUOTED = Pattern.compile("\"((?:[^\"\\\\]++|\\\\[\"\\\\])*+)\"");

  private IdempotencyKey() {}

  /**
   * Returns the key of a request, or {@code null} if it has none.
   *
   * @throws ProblemException if it is malformed, or given twice
   */
  static @Nullable String of(HttpServletRequest request) {
    List<String> keys = Collections.list(request.getHeaders(HEADER));
    if (keys.isEmpty()) {
      return null;
    }
    String key = keys.size() > 1 ? "" : unquoted(keys.get(0).strip());
    if (!key.matches("[ -~]{1,255}")) {
      throw ProblemException.invalid("Idempotency-Key must be given once: 1 to 255 characters of printable ASCII");
    }
    return key;
  }

  /**
   * Makes sure that a request has no key, since nobody would keep what a key promises.
   *
   * @param reason why it must have none, for the client to read
   * @throws ProblemException if it has one
   */
  static void refuse(HttpServletRequest request, String reason) {
    if (request.getHeader(HEADER) != null) {
      throw ProblemException.invalid(reason);
    }
  }

  /** Returns what is between quotes, nothing if the quotes are wrong, or the text itself if it does not begin with one. */
  private static String unquoted(String text) {
    Matcher quoted = QUOTED.matcher(text);
    return quoted.matches() ? quoted.group(1).replaceAll("\\\\(.)", "$1") : text.startsWith("\"") ? "" : text;
  }
}
