package dev.workloads.messaging.annotation;

import dev.workloads.messaging.MessageRejectedException;
import dev.workloads.messaging.listener.ListenerSettings;
import java.lang.annotation.Documented;
import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;
import org.springframework.aot.hint.annotation.Reflective;
import org.springframework.messaging.handler.annotation.MessageMappingReflectiveProcessor;

/**
 * Marks a method of a bean that handles the messages to some subjects. What it returns is the reply.
 *
 * <p>The method is called by many threads at once and may block. One parameter takes the body: {@code byte[]}, {@code
 * String} (UTF-8), or any other type by JSON; an {@code Optional} is empty where there is nothing. Others take headers
 * ({@code @Header}, {@code @Headers}), the whole {@link dev.workloads.messaging.BrokerMessage}, or what a bean of Spring's
 * {@code HandlerMethodArgumentResolver} resolves. Constraints of Bean Validation are checked. The result is converted in the same way; {@code null}, an empty {@code Optional} and {@code
 * void} send no reply, a {@code BrokerMessage} is sent as it is.
 *
 * <p>A body that does not fit its parameter, or breaks a constraint, is answered with code 400, and so is what the
 * method throws as {@link MessageRejectedException} with the code of that; any other exception is logged, and
 * answered with code 500.
 *
 * <p>The properties {@code messaging.listeners.<id>.*} override what stands here, and {@code messaging.*} are the defaults.
 */
@Documented
@Target(ElementType.METHOD)
@Retention(RetentionPolicy.RUNTIME)
@Reflective(MessageMappingReflectiveProcessor.class)
public @interface NatsListener {

  /** The group that stands for no queue group: every instance gets every message. */
  String BROADCAST = ListenerSettings.BROADCAST;

  /** The name in properties, metrics and logs, unique in the application; may hold placeholders; else the method's. */
  String id() default "";

  /** The subject patterns whose messages are handled; may hold placeholders, and several patterns separated by commas. */
  String[] subjects() default {};

  /**
   * The queue group that shares the messages, or {@link #BROADCAST}; may hold placeholders; by default {@code
   * messaging.consumer-group}.
   */
  String group() default "";

  /** The most messages that are handled at once; by default {@code messaging.max-in-flight}. */
  int maxInFlight() default -1;

  /** The most messages that wait for a handler; by default {@code messaging.queue-capacity}. */
  int queueCapacity() default -1;
}
