package dev.workloads.messaging.durable;

import com.fasterxml.jackson.annotation.JsonCreator;
import dev.workloads.messaging.ErrorReply;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;

/**
 * How far an attempt is.
 *
 * @param percent from 0 to 100
 * @param text at most 200 characters on one line, may be empty
 */
public record Progress(int percent, String text) {

  private static final int MAX_PERCENT = 100;
  private static final int MAX_LENGTH = 200;

  /**
   * Creates a progress; replaces what cannot be printed.
   *
   * @throws IllegalArgumentException if a parameter is out of its bounds
   */
  public Progress {
    if (percent < 0 || percent > MAX_PERCENT) {
      throw new IllegalArgumentException("the percent of a progress must be from 0 to 100, and not " + percent);
    }
    if (text.codePointCount(0, text.length()) > MAX_LENGTH) {
      throw new IllegalArgumentException("the text of a progress must have at most 200 characters");
    }
    text = ErrorReply.printable(text);
  }

  // Workers in other languages write it as well: if it is malformed, the entry has none
  @JsonCreator(mode = JsonCreator.Mode.DELEGATING)
  static @Nullable Progress of(JsonNode json) {
    try {
      return new Progress(json.path("percent").intValue(), json.path("text").stringValue(""));
    } catch (JacksonException | IllegalArgumentException e) {
      return null;
    }
  }
}
