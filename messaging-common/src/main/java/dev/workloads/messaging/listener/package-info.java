/** The container that calls a worker's handler: bounded concurrency and queue, error replies, drain. */
@NullMarked
package dev.workloads.messaging.listener;

import org.jspecify.annotations.NullMarked;
