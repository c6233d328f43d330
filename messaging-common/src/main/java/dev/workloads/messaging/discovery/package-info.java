/** Answers to the NATS service API, by which tools discover workers. */
@NullMarked
package dev.workloads.messaging.discovery;

import org.jspecify.annotations.NullMarked;
