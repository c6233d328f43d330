/** Both apps in one JVM, without a broker. */
@NullMarked
package dev.workloads.dev;

import org.jspecify.annotations.NullMarked;
