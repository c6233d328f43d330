/** What an operator sees of durable tasks, and does with dead letters. */
@NullMarked
package dev.workloads.messaging.durable.operations;

import org.jspecify.annotations.NullMarked;
