/** What the benchmark command starts: bare jnats, a worker that takes its time, and the comparison of our layer. */
@NullMarked
package dev.workloads.benchmarks;

import org.jspecify.annotations.NullMarked;
