/** Durable tasks in the streams and the key-value bucket of NATS JetStream. */
@NullMarked
package dev.workloads.messaging.durable.jetstream;

import org.jspecify.annotations.NullMarked;
