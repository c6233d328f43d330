/** The messaging API: a message, a client that requests and publishes, a handler, and the transport beneath them. */
@NullMarked
package dev.workloads.messaging;

import org.jspecify.annotations.NullMarked;
