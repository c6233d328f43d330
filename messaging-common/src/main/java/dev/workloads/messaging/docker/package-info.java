/** Connection details from a NATS service of Docker Compose. */
@NullMarked
package dev.workloads.messaging.docker;

import org.jspecify.annotations.NullMarked;
