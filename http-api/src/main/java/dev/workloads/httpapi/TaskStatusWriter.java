package dev.workloads.httpapi;

import dev.workloads.messaging.ErrorReply;
import dev.workloads.messaging.durable.TaskError;
import dev.workloads.messaging.durable.TaskState;
import dev.workloads.messaging.durable.TaskStatus;
import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;
import java.time.Instant;
import java.time.format.DateTimeFormatter;
import java.time.format.DateTimeFormatterBuilder;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;
import org.springframework.http.ETag;
import org.springframework.http.MediaType;
import tools.jackson.databind.json.JsonMapper;

/** Writes how a durable task is. */
final class TaskStatusWriter {

  private static final JsonMapper JSON = JsonMapper.shared();
  private static final DateTimeFormatter MILLISECONDS = new DateTimeFormatterBuilder().appendInstant(3).toFormatter();

  private TaskStatusWriter() {}

  /** Writes that a task is accepted, and where it is found. */
  static void writeAccepted(HttpServletResponse response, TaskStatus status) throws IOException {
    response.setHeader("Location", path(status));
    response.setHeader("Preference-Applied", "respond-async");
    response.setHeader("Retry-After", "1");
    write(response, HttpServletResponse.SC_ACCEPTED, status);
  }

  /** Writes a status, or 304 if the client has it already. */
  static void write(HttpServletResponse response, TaskStatus status, boolean modified) throws IOException {
    writeRevision(response, status);
    if (!status.state().isFinished()) {
      response.setHeader("Retry-After", "1");
    }
    if (modified) {
      write(response, HttpServletResponse.SC_OK, status);
    } else {
      ProblemWriter.writeNothing(response, HttpServletResponse.SC_NOT_MODIFIED);
    }
  }

  /** Writes the headers by which a client or a cache asks whether it has the latest revision. */
  static void writeRevision(HttpServletResponse response, TaskStatus status) {
    response.setHeader("ETag", etag(status).formattedTag());
    response.setHeader("Cache-Control", "no-cache"); // a cache asks each time, by If-None-Match
  }

  static ETag etag(TaskStatus status) {
    return new ETag(Long.toString(status.revision()), false);
  }

  /** Returns why an attempt failed. The text is sanitised like that of an error reply, since others may have written it. */
  static String text(TaskError error) {
    return new ErrorReply(error.code(), error.text()).text();
  }

  private static String path(TaskStatus status) {
    return "/task/" + status.id();
  }

  private static void write(HttpServletResponse response, int code, TaskStatus status) throws IOException {
    ProblemWriter.write(response, code, MediaType.APPLICATION_JSON_VALUE, JSON.writeValueAsBytes(members(status)));
  }

  private static Map<String, @Nullable Object> members(TaskStatus status) {
    Map<String, @Nullable Object> members = new LinkedHashMap<>();
    members.put("id", status.id());
    members.put("worker", status.worker());
    members.put("state", status.state().text());
    members.put("attempts", status.attempts());
    members.put("submitted", text(status.submitted()));
    members.put("started", text(status.started()));
    members.put("finished", text(status.finished()));
    members.put("expires", text(status.expires()));
    members.put("progress", status.progress());
    members.put("error", status.error() == null ? null : members(status.error()));
    members.put("result", status.state() == TaskState.SUCCEEDED ? path(status) + "/result" : null);
    members.values().removeIf(Objects::isNull);
    return members;
  }

  private static Map<String, Object> members(TaskError error) {
    Map<String, Object> members = new LinkedHashMap<>();
    members.put("reason", Problem.of(error).reason());
    members.put("detail", text(error));
    return members;
  }

  private static @Nullable String text(@Nullable Instant time) {
    return time == null ? null : MILLISECONDS.format(time);
  }
}
