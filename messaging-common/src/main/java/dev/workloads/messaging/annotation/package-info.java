/** Methods of beans that handle messages, by Spring's own handler methods and message converters. */
@NullMarked
package dev.workloads.messaging.annotation;

import org.jspecify.annotations.NullMarked;
