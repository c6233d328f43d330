package dev.workloads.messaging.test;

import java.lang.annotation.Documented;
import java.lang.annotation.ElementType;
import java.lang.annotation.Inherited;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/**
 * Gives the application context of a Spring test a real nats-server of its own, on a free port.
 *
 * <p>The context gets {@code messaging.transport=nats}, {@code messaging.nats.servers} with the server's URL, both over
 * what other properties of the test say, and the {@link NatsServer} as a bean, to stop, suspend or start again. The server
 * runs before the first bean is made and is closed with the context, after every other bean. Tests that share a cached
 * context share the server, and whoever stops it starts it again.
 *
 * <p>A test that needs no real server sets the property {@code messaging.transport=in-process} instead, and no annotation:
 * the in-process transport has the semantics of NATS.
 *
 * @see NatsServer where the program nats-server comes from
 */
@Documented
@Inherited
@Retention(RetentionPolicy.RUNTIME)
@Target(ElementType.TYPE)
public @interface WithNatsServer {

  /** Arguments for nats-server, such as {@code "-c", "src/test/resources/nats.conf"}. */
  String[] value() default {};
}
