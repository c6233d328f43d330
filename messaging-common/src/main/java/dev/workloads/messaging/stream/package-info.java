/** The worker's side of streams: handlers that have several replies. */
@NullMarked
package dev.workloads.messaging.stream;

import org.jspecify.annotations.NullMarked;
