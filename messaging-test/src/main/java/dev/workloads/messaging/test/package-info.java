/** A real nats-server for tests, also as an annotation for those of Spring. */
@NullMarked
package dev.workloads.messaging.test;

import org.jspecify.annotations.NullMarked;
