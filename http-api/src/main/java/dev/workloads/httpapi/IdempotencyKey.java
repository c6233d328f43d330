package dev.workloads.httpapi;

import jakarta.servlet.http.HttpServletRequest;
import java.util.Collections;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The key by which a client names a submission, so that it can repeat it (draft-ietf-httpapi-idempotency-key-header). */
final class IdempotencyKey {

  private static final String HEADER = "Idempotency-Key";
  private static final int MAX_LENGTH = 255;

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
    if (key.isEmpty() || key.length() > MAX_LENGTH || !key.chars().allMatch(c -> c >= ' ' && c < 0x7F)) {
      throw invalid("must be given once: 1 to 255 characters of printable ASCII");
    }
    return key;
  }

  /**
   * Makes sure that a request has no key, since nobody would keep its promise.
   *
   * @param rule why it must have none
   * @throws ProblemException if it has one
   */
  static void refuse(HttpServletRequest request, String rule) {
    if (request.getHeader(HEADER) != null) {
      throw invalid(rule);
    }
  }

  /** Returns what is between quotes, or the text itself if it does not begin with one; empty if the quotes are wrong. */
  private static String unquoted(String text) {
    if (!text.startsWith("\"")) {
      return text;
    }
    StringBuilder key = new StringBuilder();
    for (int i = 1; i < text.length(); i++) {
      char c = text.charAt(i);
      if (c == '"') {
        return i == text.length() - 1 ? key.toString() : "";
      }
      if (c == '\\' && (++i == text.length() || text.charAt(i) != '"' && text.charAt(i) != '\\')) {
        return "";
      }
      key.append(text.charAt(i));
    }
    return "";
  }

  private static ProblemException invalid(String rule) {
    return new ProblemException(Problem.INVALID_REQUEST, HEADER + " " + rule);
  }
}
