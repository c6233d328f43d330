package dev.workloads.httpapi;

import io.micrometer.tracing.Span;
import io.micrometer.tracing.handler.TracingObservationHandler.TracingContext;
import jakarta.servlet.http.HttpServletRequest;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.springframework.http.HttpStatus;
import org.springframework.http.MediaType;
import org.springframework.web.filter.ServerHttpObservationFilter;
import tools.jackson.databind.json.JsonMapper;

/** Writes errors: as text, or as problem details (RFC 9457) to a client that prefers JSON. */
final class ProblemWriter {

  static final String TEXT = "text/plain;charset=UTF-8";
  private static final JsonMapper JSON = JsonMapper.shared();
  private static final List<MediaType> JSON_TYPES =
      List.of(MediaType.APPLICATION_PROBLEM_JSON, MediaType.APPLICATION_JSON);

  private ProblemWriter() {}

  static void write(HttpServletRequest request, HttpServletResponse response, ProblemException failure)
      throws IOException {
    Problem problem = failure.problem();
    if (failure.retryAfter() > 0) {
      response.setIntHeader("Retry-After", failure.retryAfter());
    }
    if (problem == Problem.UNAUTHORIZED) {
      response.setHeader("WWW-Authenticate", "Bearer");
    }
    Span span = span(request);
    if (span != null && problem.status() >= 500) {
      // The error of the observation would become tags of its timer, which counts status and reason already
      span.tag("error.type", problem.reason()).error(failure);
    }
    if (Accept.prefers(request, JSON_TYPES, List.of(MediaType.TEXT_PLAIN))) {
      byte[] json = json(failure, span == null ? null : span.context().traceId());
      write(response, problem.status(), MediaType.APPLICATION_PROBLEM_JSON_VALUE, json);
    } else {
      writeText(response, problem.status(), failure.getMessage() + "\n");
    }
  }

  /** Returns the problem details, on one line. */
  static byte[] json(HttpServletRequest request, ProblemException failure) {
    Span span = span(request);
    return json(failure, span == null ? null : span.context().traceId());
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

  /** Writes an answer that has no body. */
  static void writeNothing(HttpServletResponse response, int status) {
    response.setStatus(status);
    response.setHeader("X-Content-Type-Options", "nosniff");
  }

  static void write(HttpServletResponse response, int status, String contentType, byte[] body) throws IOException {
    writeNothing(response, status);
    if (status >= HttpServletResponse.SC_BAD_REQUEST) {
      response.setHeader("Cache-Control", "no-store"); // else a cache may keep a 404 or 410 as long as it likes
    }
    response.setContentType(contentType);
    response.setContentLength(body.length);
    response.getOutputStream().write(body);
  }

  private static byte[] json(ProblemException failure, @Nullable String traceId) {
    Problem problem = failure.problem();
    Map<String, @Nullable Object> members = new LinkedHashMap<>();
    members.put("type", "about:blank");
    members.put("title", HttpStatus.valueOf(problem.status()).getReasonPhrase());
    members.put("status", problem.status());
    members.put("detail", failure.getMessage());
    members.put("reason", problem.reason());
    members.put("code", failure.code() == 0 ? null : failure.code());
    members.put("traceId", traceId);
    members.values().removeIf(Objects::isNull);
    return JSON.writeValueAsBytes(members);
  }

  // The MDC does not have it on a thread that reads a part of a body; the request always has
  private static @Nullable Span span(HttpServletRequest request) {
    return ServerHttpObservationFilter.findObservationContext(request)
        .map(context -> context.<TracingContext>get(TracingContext.class)).map(TracingContext::getSpan).orElse(null);
  }
}
