/** Auto-configuration of durable tasks. */
@NullMarked
package dev.workloads.messaging.durable.autoconfigure;

import org.jspecify.annotations.NullMarked;
