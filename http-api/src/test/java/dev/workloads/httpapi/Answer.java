package dev.workloads.httpapi;

import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** What the server answered. */
record Answer(int status, Map<String, List<String>> headers, byte[] body) {

  /** Returns the header's only value, or {@code null} if it is absent. */
  @Nullable String header(String name) {
    List<String> values = headers.getOrDefault(name, List.of());
    if (values.size() > 1) {
      throw new AssertionError(name + " is there " + values.size() + " times: " + values);
    }
    return values.isEmpty() ? null : values.get(0);
  }

  String text() {
    return new String(body, StandardCharsets.UTF_8);
  }

  JsonNode json() {
    return JsonMapper.shared().readTree(body);
  }

  /** Returns the reason of a problem that came as JSON. */
  String reason() {
    return json().path("reason").asString("none");
  }

  /** Returns a member of a problem that came as JSON as text, or {@code null} if it is absent. */
  @Nullable String member(String name) {
    return json().has(name) ? json().get(name).asString() : null;
  }

  /** Returns the text of a problem that came as JSON. */
  String detail() {
    return json().path("detail").asString("none");
  }
}
