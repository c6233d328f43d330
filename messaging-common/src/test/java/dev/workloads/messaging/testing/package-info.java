/** A real nats-server for tests. */
@NullMarked
package dev.workloads.messaging.testing;

import org.jspecify.annotations.NullMarked;
