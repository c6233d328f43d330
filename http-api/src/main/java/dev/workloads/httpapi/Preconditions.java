package dev.workloads.httpapi;

import dev.workloads.messaging.durable.TaskStatus;
import jakarta.servlet.http.HttpServletRequest;
import java.util.Collections;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.springframework.http.ETag;

/**
 * Which revisions of a task a request is for (RFC 9110, 13). A malformed tag is that of no revision.
 *
 * @param match those of {@code If-Match}, or {@code null} if it may be any
 * @param noneMatch those of {@code If-None-Match}, which the client has
 */
record Preconditions(@Nullable List<ETag> match, List<ETag> noneMatch) {

  static Preconditions of(HttpServletRequest request) {
    return new Preconditions(request.getHeader("If-Match") == null ? null : tags(request, "If-Match"),
        tags(request, "If-None-Match"));
  }

  private static List<ETag> tags(HttpServletRequest request, String header) {
    return ETag.parse(String.join(",", Collections.list(request.getHeaders(header))));
  }

  /** Returns whether the task has a revision of {@code If-Match}. */
  boolean matches(TaskStatus task) {
    return match == null || contains(match, task, true);
  }

  /** Returns whether the task has a revision that the client has already. */
  boolean isKnown(TaskStatus task) {
    return contains(noneMatch, task, false);
  }

  private static boolean contains(List<ETag> tags, TaskStatus task, boolean strong) {
    ETag etag = TaskStatusWriter.etag(task);
    return tags.stream().anyMatch(each -> each.isWildcard() || each.compare(etag, strong));
  }
}
