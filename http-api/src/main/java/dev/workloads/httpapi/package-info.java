/** The HTTP API: takes {@code POST /task}, sends a request to the worker and answers with its reply. */
@NullMarked
package dev.workloads.httpapi;

import org.jspecify.annotations.NullMarked;
