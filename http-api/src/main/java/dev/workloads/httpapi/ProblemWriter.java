package dev.workloads.httpapi;

import io.micrometer.tracing.Span;
import io.micrometer.tracing.handler.TracingObservationHandler.TracingContext;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;
import org.springframework.http.HttpStatus;
import org.springframework.http.InvalidMediaTypeException;
import org.springframework.http.MediaType;
import org.springframework.web.filter.ServerHttpObservationFilter;
import tools.jackson.databind.json.JsonMapper;

/** Writes errors: as text, or as problem details (RFC 9457) to a client that prefers JSON. */
final class ProblemWriter {

  private static final String TEXT = "text/plain;charset=UTF-8";
  private static final JsonMapper JSON = JsonMapper.shared();

  private ProblemWriter() {}

  static void write(HttpServletRequest request, HttpServletResponse response, Problem problem, String text)
      throws IOException {
    write(request, response, problem, 0, text);
  }

  /** Writes a problem with the code of a worker's error reply, or 0 for none. */
  static void write(HttpServletRequest request, HttpServletResponse response, Problem problem, int code, String text)
      throws IOException {
    if (problem == Problem.OVERLOADED) {
      response.setHeader("Retry-After", "1");
    }
    Span span = span(request);
    if (span != null && problem.status() >= 500) {
      // Not the observation, whose error would go into tags of its timer: status and reason are counted already
      span.tag("error.type", problem.reason()).error(new ProblemException(problem, text));
    }
    if (prefersJson(Collections.list(request.getHeaders("Accept")))) {
      byte[] json = json(problem, code, text, span == null ? null : span.context().traceId());
      write(response, problem.status(), MediaType.APPLICATION_PROBLEM_JSON_VALUE, json);
    } else {
      writeText(response, problem.status(), text + "\n");
    }
  }

  /** Tells the client that the connection closes after this answer; HTTP/2 has a frame and no header for that. */
  static void announceClose(HttpServletRequest request, HttpServletResponse response) {
    if (!"HTTP/2.0".equals(request.getProtocol())) {
      response.setHeader("Connection", "close");
    }
  }

  static void writeText(HttpServletResponse response, int status, String text) throws IOException {
    write(response, status, TEXT, text.getBytes(StandardCharsets.UTF_8));
  }

  static void write(HttpServletResponse response, int status, String contentType, byte[] body) throws IOException {
    response.setStatus(status);
    response.setHeader("X-Content-Type-Options", "nosniff");
    response.setContentType(contentType);
    response.setContentLength(body.length);
    response.getOutputStream().write(body);
  }

  private static byte[] json(Problem problem, int code, String text, @Nullable String traceId) {
    Map<String, Object> members = new LinkedHashMap<>();
    members.put("type", "about:blank");
    members.put("title", HttpStatus.valueOf(problem.status()).getReasonPhrase());
    members.put("status", problem.status());
    members.put("detail", text);
    members.put("reason", problem.reason());
    if (code != 0) {
      members.put("code", code);
    }
    if (traceId != null) {
      members.put("traceId", traceId);
    }
    return JSON.writeValueAsBytes(members);
  }

  // From the request and not from the MDC, which is empty on a thread that reads a part of a body
  private static @Nullable Span span(HttpServletRequest request) {
    return ServerHttpObservationFilter.findObservationContext(request)
        .map(context -> context.<TracingContext>get(TracingContext.class)).map(TracingContext::getSpan).orElse(null);
  }

  /** RFC 9110, 12.5.1: the higher quality decides; where they are equal, the range that is more specific. */
  private static boolean prefersJson(List<String> accept) {
    try {
      List<MediaType> ranges = MediaType.parseMediaTypes(accept);
      double json = Math.max(weight(ranges, MediaType.APPLICATION_PROBLEM_JSON),
          weight(ranges, MediaType.APPLICATION_JSON));
      return json > weight(ranges, MediaType.TEXT_PLAIN);
    } catch (InvalidMediaTypeException e) {
      return false; // Accept never makes a request fail
    }
  }

  // The quality of the most specific range that the type is in, and a little more the more specific that range is
  private static double weight(List<MediaType> ranges, MediaType type) {
    List<Predicate<MediaType>> specific = List.of(
        range -> range.equalsTypeAndSubtype(type),
        range -> range.isWildcardSubtype() && range.getType().equals(type.getType()),
        MediaType::isWildcardType);
    for (int i = 0; i < specific.size(); i++) {
      for (MediaType range : ranges) {
        if (specific.get(i).test(range)) {
          return range.getQualityValue() == 0 ? 0 : range.getQualityValue() - i * 0.0001;
        }
      }
    }
    return 0;
  }
}
