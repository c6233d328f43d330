/** Tasks that must not be lost, or that take longer than a caller waits: kept, done at least once, with a status. */
@NullMarked
package dev.workloads.messaging.durable;

import org.jspecify.annotations.NullMarked;
