package dev.workloads.httpapi;

import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import org.jspecify.annotations.Nullable;
import org.springframework.http.InvalidMediaTypeException;
import org.springframework.http.MediaType;

/** Writes what a worker replied, byte for byte. */
final class ReplyWriter {

  private static final String DEFAULT_CONTENT_TYPE = "text/plain;charset=UTF-8";
  // RFC 6838 allows 127 characters before and after the slash; the rest is for parameters
  private static final int CONTENT_TYPE_MAX_LENGTH = 512;

  private ReplyWriter() {}

  /** Writes a reply, as text if the worker does not say, or not rightly, what it is. */
  static void write(HttpServletResponse response, @Nullable String contentType, byte[] body) throws IOException {
    ProblemWriter.write(response, HttpServletResponse.SC_OK, valid(contentType), body);
  }

  private static String valid(@Nullable String value) {
    if (value == null || value.length() > CONTENT_TYPE_MAX_LENGTH || !isPrintable(value)) {
      return DEFAULT_CONTENT_TYPE;
    }
    try {
      return MediaType.parseMediaType(value).isConcrete() ? value : DEFAULT_CONTENT_TYPE;
    } catch (InvalidMediaTypeException e) {
      return DEFAULT_CONTENT_TYPE;
    }
  }

  // MediaType lets anything through between quotes
  private static boolean isPrintable(String value) {
    return value.chars().allMatch(c -> c >= ' ' && c < 0x7F);
  }
}
