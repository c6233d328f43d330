package dev.workloads.httpapi;

import org.jspecify.annotations.Nullable;
import org.springframework.boot.context.properties.source.InvalidConfigurationPropertyValueException;

/**
 * How much the public port takes on at once. Each limit follows from the heap and the other limits, unless it is set.
 *
 * @param maxConnections the most connections, idle ones included; more wait in the operating system
 * @param maxInFlight the most requests that wait for a worker, fewer than connections: the next request gets its 503
 * @param maxBuffered the most bytes of HTTP bodies
 */
record Limits(int maxConnections, int maxInFlight, int maxBuffered) {

  private static final int MAX_IN_FLIGHT = 4096;
  // An idle connection holds 5 KB, half a request 46 KB (60 with fifty headers), a request that waits 57 KB. The rest of
  // the heap is for the application, 21 MB, and for bodies. So 96 MB hold 1,100 connections or more, and 550 requests.
  private static final long HEAP_PER_CONNECTION = 80 * 1024;

  /**
   * Derives the limits.
   *
   * @param heap the size that the heap may have, in bytes
   * @param maxConnections the value of server.tomcat.max-connections if it is set
   * @param threads how many requests Tomcat works on at once; Integer.MAX_VALUE on virtual threads
   * @throws InvalidConfigurationPropertyValueException if the settings leave no connection for a refusal
   */
  static Limits derive(long heap, @Nullable Integer maxConnections, int threads, TaskProperties task) {
    int fitting = (int) Math.min(2 * MAX_IN_FLIGHT, heap / HEAP_PER_CONNECTION);
    int connections = maxConnections == null ? fitting : maxConnections;
    Integer configured = task.maxInFlight();
    int inFlight = configured == null ? maxInFlight(Math.min(fitting, connections), threads) : configured;
    if (inFlight >= connections) {
      throw new InvalidConfigurationPropertyValueException("task.max-in-flight", inFlight,
          "The value must be less than server.tomcat.max-connections, which is " + connections
              + (maxConnections == null ? " because the heap holds no more." : "."));
    }
    long buffered = task.maxBuffered() == null ? heap / 8 : task.maxBuffered().toBytes();
    // A Semaphore counts the bytes, and counts no further
    return new Limits(connections, inFlight, (int) Math.min(buffered, Integer.MAX_VALUE));
  }

  // Half of the connections and a tenth of the threads stay free to refuse further requests
  private static int maxInFlight(int connections, int threads) {
    return Math.max(1, Math.min(connections / 2, threads - Math.max(1, threads / 10)));
  }
}
