/** The in-memory twin of the NATS transport, for development and tests without a broker. */
@NullMarked
package dev.workloads.messaging.inprocess;

import org.jspecify.annotations.NullMarked;
