/** Durable tasks in the memory of this process, for development. */
@NullMarked
package dev.workloads.messaging.durable.inprocess;

import org.jspecify.annotations.NullMarked;
