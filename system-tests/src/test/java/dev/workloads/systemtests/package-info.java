/** The packaged apps as processes, beside a real nats-server; and what documentation and manifests say of them. */
@NullMarked
package dev.workloads.systemtests;

import org.jspecify.annotations.NullMarked;
