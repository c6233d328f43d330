/** What the HTTP API changes in Tomcat: how it is set up, one defect, and its answers to what it refuses itself. */
@NullMarked
package dev.workloads.httpapi.tomcat;

import org.jspecify.annotations.NullMarked;
