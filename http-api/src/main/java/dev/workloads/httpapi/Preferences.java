package dev.workloads.httpapi;

import jakarta.servlet.http.HttpServletRequest;
import java.time.Duration;
import java.util.Collections;
import java.util.HashMap;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What a client prefers (RFC 7240), as far as anything here heeds it. What is malformed is as if it were not there.
 *
 * @param respondAsync whether the answer need not wait for the task
 * @param longestWait how long the client waits, or {@code null} if it does not say
 */
record Preferences(boolean respondAsync, @Nullable Duration longestWait) {

  private static final Preferences NONE = new Preferences(false, null);
  private static final String HEADER = "Prefer";
  private static final int LONGEST_WAIT_DIGITS = 9;

  static Preferences of(HttpServletRequest request) {
    if (request.getHeader(HEADER) == null) {
      return NONE;
    }
    Map<String, String> values = new HashMap<>();
    Collections.list(request.getHeaders(HEADER)).forEach(field -> new Reader(field).readInto(values));
    return new Preferences("".equals(values.get("respond-async")), seconds(values.get("wait")));
  }

  private static @Nullable Duration seconds(@Nullable String value) {
    if (value == null || value.isEmpty() || !value.chars().allMatch(c -> c >= '0' && c <= '9')) {
      return null;
    }
    return Duration.ofSeconds(value.length() > LONGEST_WAIT_DIGITS ? Integer.MAX_VALUE : Long.parseLong(value));
  }

  /** Goes through one field, once. */
  private static final class Reader {

    private static final String TOKEN_MARKS = "!#$%&'*+-.^_`|~";

    private final String field;
    private int at;

    private Reader(String field) {
      this.field = field;
    }

    /** Adds the value of each preference under its name in lower case; the first of several has the word. */
    private void readInto(Map<String, String> values) {
      for (; at < field.length(); at++) {
        skipBlanks();
        String name = token().toLowerCase(Locale.ROOT);
        String value = value();
        while (value != null && next(';')) {
          token();
          value = value() == null ? null : value; // nothing here heeds a parameter
        }
        if (!name.isEmpty() && value != null && (at == field.length() || field.charAt(at) == ',')) {
          values.putIfAbsent(name, value);
        }
        skipToComma();
      }
    }

    private String token() {
      int start = at;
      while (at < field.length() && isTokenCharacter(field.charAt(at))) {
        at++;
      }
      return field.substring(start, at);
    }

    private static boolean isTokenCharacter(char c) {
      return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || TOKEN_MARKS.indexOf(c) >= 0;
    }

    /** Returns what follows a name, which is empty where nothing does, or {@code null} if it is malformed. */
    private @Nullable String value() {
      skipBlanks();
      if (!next('=')) {
        return "";
      }
      String value = at < field.length() && field.charAt(at) == '"' ? quoted() : token();
      skipBlanks();
      return value;
    }

    private @Nullable String quoted() {
      StringBuilder value = new StringBuilder();
      for (at++; at < field.length(); at++) {
        char c = field.charAt(at);
        if (c == '"') {
          at++;
          return value.toString();
        }
        if (c == '\\' && ++at == field.length()) {
          return null;
        }
        value.append(field.charAt(at));
      }
      return null;
    }

    private boolean next(char wanted) {
      if (at == field.length() || field.charAt(at) != wanted) {
        return false;
      }
      at++;
      skipBlanks();
      return true;
    }

    private void skipBlanks() {
      while (at < field.length() && (field.charAt(at) == ' ' || field.charAt(at) == '\t')) {
        at++;
      }
    }

    private void skipToComma() {
      while (at < field.length() && field.charAt(at) != ',') {
        if (field.charAt(at) == '"') {
          quoted();
        } else {
          at++;
        }
      }
    }
  }
}
