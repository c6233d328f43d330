/** Observations (Micrometer) of requests and of their processing: timers, and a trace that crosses the broker. */
@NullMarked
package dev.workloads.messaging.observation;

import org.jspecify.annotations.NullMarked;
