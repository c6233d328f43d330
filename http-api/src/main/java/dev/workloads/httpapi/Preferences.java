package dev.workloads.httpapi;

import jakarta.servlet.http.HttpServletRequest;
import java.time.Duration;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.springframework.util.MimeTypeUtils;

/**
 * What a client prefers (RFC 7240), as far as the API heeds it. A malformed preference is as good as none.
 *
 * @param respondAsync whether the answer need not wait for the task
 * @param longestWait how long the client waits, or {@code null} if it does not say
 */
record Preferences(boolean respondAsync, @Nullable Duration longestWait) {

  private static final String TOKEN = "[\\w!#$%&'*+.^`|~-]";
  // A name and its value; parameters mean nothing here. Possessive, so that no text is read twice or needs a deep stack
  private static final Pattern PREFERENCE = Pattern.compile(
      "[ \t]*+(T++)[ \t]*+(?:=[ \t]*+(T*+|\"[^\"]*+\")[ \t]*+)?(?:;.*+)?".replace("T", TOKEN));
  private static final int LONGEST_WAIT_DIGITS = 9;

  static Preferences of(HttpServletRequest request) {
    Map<String, String> values = new HashMap<>();
    for (String field : Collections.list(request.getHeaders("Prefer"))) {
      List<String> parts = MimeTypeUtils.tokenize(field + ","); // the last part is void, or has an open quote
      parts.subList(0, parts.size() - 1).forEach(part -> read(part, values));
    }
    return new Preferences("".equals(values.get("respond-async")), seconds(values.get("wait")));
  }

  /** Adds the value of a preference under its name in lower case; the first of several counts. */
  private static void read(String part, Map<String, String> values) {
    Matcher preference = PREFERENCE.matcher(part);
    if (preference.matches()) {
      String value = preference.group(2) == null ? "" : preference.group(2).replace("\"", "");
      values.putIfAbsent(preference.group(1).toLowerCase(Locale.ROOT), value);
    }
  }

  private static @Nullable Duration seconds(@Nullable String value) {
    if (value == null || !value.matches("\\d++")) {
      return null;
    }
    return Duration.ofSeconds(value.length() > LONGEST_WAIT_DIGITS ? Integer.MAX_VALUE : Long.parseLong(value));
  }
}
