/** What the tests of several modules use. */
@NullMarked
package dev.workloads.messaging.testing;

import org.jspecify.annotations.NullMarked;
