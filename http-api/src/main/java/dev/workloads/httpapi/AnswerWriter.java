package dev.workloads.httpapi;

import jakarta.servlet.http.HttpServletResponse;
import java.io.IOException;

/** Writes the answer to one request that has been worked on. */
@FunctionalInterface
interface AnswerWriter {

  void write(HttpServletResponse response) throws IOException;
}
