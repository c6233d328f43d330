/** A real nats-server for tests. */
@NullMarked
package dev.workloads.messaging.test;

import org.jspecify.annotations.NullMarked;
