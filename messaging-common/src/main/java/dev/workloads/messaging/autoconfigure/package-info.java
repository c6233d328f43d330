/** Auto-configuration of messaging for Spring Boot. */
@NullMarked
package dev.workloads.messaging.autoconfigure;

import org.jspecify.annotations.NullMarked;
