package dev.workloads.httpapi;

import jakarta.servlet.http.HttpServletRequest;
import java.util.Optional;

/** Tells which client has sent a request. A bean of this type takes the place of the keys in {@code task.clients}. */
@FunctionalInterface
public interface ClientResolver {

  /**
   * Returns the name of the client, or nothing if nobody known has sent the request, which is answered by 401 then. Called
   * for each request under {@code /task}, by many threads at once, before its body is read. Must not block, and must look at
   * the request line and the headers only.
   *
   * @return 1 to 255 printable characters of ASCII without blanks; any other name counts as none
   */
  Optional<String> resolve(HttpServletRequest request);
}
