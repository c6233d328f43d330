/** The NATS transport, on jnats. */
@NullMarked
package dev.workloads.messaging.nats;

import org.jspecify.annotations.NullMarked;
