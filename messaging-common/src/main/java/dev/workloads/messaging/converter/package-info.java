/** Bodies of messages by Spring's message converters. */
@NullMarked
package dev.workloads.messaging.converter;

import org.jspecify.annotations.NullMarked;
