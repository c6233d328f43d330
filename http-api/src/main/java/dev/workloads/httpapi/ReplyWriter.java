package dev.workloads.httpapi;

import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;
import org.springframework.http.InvalidMediaTypeException;
import org.springframework.http.MediaType;

/** Writes what a worker replied, byte for byte. */
final class ReplyWriter {

  // RFC 6838 allows 127 characters before and after the slash, the rest is for parameters. MediaType allows any character
  private static final Pattern PRINTABLE = Pattern.compile("[ -~]{0,512}");

  private ReplyWriter() {}

  /** Writes a reply. It is text if its worker names no content type, or none that is valid. */
  static void write(HttpServletResponse response, @Nullable String contentType, byte[] body) throws IOException {
    ProblemWriter.write(response, HttpServletResponse.SC_OK, valid(contentType), body);
  }

  private static String valid(@Nullable String value) {
    try {
      return value != null && PRINTABLE.matcher(value).matches() && MediaType.parseMediaType(value).isConcrete()
          ? value : ProblemWriter.TEXT;
    } catch (InvalidMediaTypeException e) {
      return ProblemWriter.TEXT;
    }
  }
}
