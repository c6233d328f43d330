/** The leet worker: replies to every message with its text in leet-speak. */
@NullMarked
package dev.workloads.leet;

import org.jspecify.annotations.NullMarked;
