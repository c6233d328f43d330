/** Connection details from a NATS container of a test. */
@NullMarked
package dev.workloads.messaging.testcontainers;

import org.jspecify.annotations.NullMarked;
