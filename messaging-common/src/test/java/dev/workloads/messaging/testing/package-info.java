/** A transport that does what a test says. */
@NullMarked
package dev.workloads.messaging.testing;

import org.jspecify.annotations.NullMarked;
