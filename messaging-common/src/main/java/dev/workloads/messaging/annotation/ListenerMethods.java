package dev.workloads.messaging.annotation;

import dev.workloads.messaging.BrokerMessage;
import dev.workloads.messaging.BrokerMessageHandler;
import dev.workloads.messaging.converter.SpringBodyConverter;
import dev.workloads.messaging.listener.InvalidListenerException;
import java.lang.annotation.Annotation;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.springframework.aop.support.AopUtils;
import org.springframework.beans.factory.config.ConfigurableBeanFactory;
import org.springframework.core.DefaultParameterNameDiscoverer;
import org.springframework.core.MethodIntrospector;
import org.springframework.core.MethodParameter;
import org.springframework.core.annotation.AnnotatedElementUtils;
import org.springframework.core.annotation.AnnotationUtils;
import org.springframework.core.annotation.SynthesizingMethodParameter;
import org.springframework.core.convert.support.DefaultConversionService;
import org.springframework.messaging.converter.MessageConverter;
import org.springframework.messaging.converter.SimpleMessageConverter;
import org.springframework.messaging.handler.annotation.Header;
import org.springframework.messaging.handler.annotation.support.HeadersMethodArgumentResolver;
import org.springframework.messaging.handler.annotation.support.MessageMethodArgumentResolver;
import org.springframework.messaging.handler.invocation.HandlerMethodArgumentResolver;
import org.springframework.messaging.handler.invocation.HandlerMethodArgumentResolverComposite;
import org.springframework.validation.Validator;
import org.springframework.validation.annotation.ValidationAnnotationUtils;

/** Makes handlers of methods annotated with {@link NatsListener}, after checking that they can be called. */
public final class ListenerMethods {

  private final SpringBodyConverter converter;
  private final @Nullable Validator validator;
  private final List<HandlerMethodArgumentResolver> notForBodies;
  private final HandlerMethodArgumentResolverComposite arguments = new HandlerMethodArgumentResolverComposite();

  /**
   * Creates handlers for beans of one factory.
   *
   * @param validator checks what {@code @Valid} asks for, or {@code null} if there is none
   */
  public ListenerMethods(SpringBodyConverter converter, @Nullable Validator validator, ConfigurableBeanFactory beans) {
    this.converter = converter;
    this.validator = validator;
    MessageConverter json = converter.json() == null ? new SimpleMessageConverter() : converter.json();
    this.notForBodies = List.of(
        new HeaderArgumentResolver(DefaultConversionService.getSharedInstance(), beans),
        new HeadersMethodArgumentResolver(), new MessageMethodArgumentResolver(json));
    arguments.addResolvers(notForBodies);
    arguments.addResolver(new BodyArgumentResolver(json, validator));
  }

  /** Returns the annotated methods of a class, those that it inherits included. */
  public static Map<Method, NatsListener> of(Class<?> type) {
    return AnnotationUtils.isCandidateClass(type, NatsListener.class)
        ? MethodIntrospector.selectMethods(type, (MethodIntrospector.MetadataLookup<NatsListener>) method ->
            AnnotatedElementUtils.findMergedAnnotation(method, NatsListener.class)) : Map.of();
  }

  /** Returns how a method is called in messages to people. */
  public static String describe(Method method) {
    return "@NatsListener " + method.getDeclaringClass().getSimpleName() + "." + method.getName();
  }

  /**
   * Creates the handler that calls a method of a bean.
   *
   * @param bean may be a proxy
   * @throws InvalidListenerException if the method cannot be called with a message
   */
  public BrokerMessageHandler handler(Object bean, Method method) {
    requireCallable(method);
    List<MethodParameter> parameters = IntStream.range(0, method.getParameterCount())
        .mapToObj(i -> (MethodParameter) new SynthesizingMethodParameter(method, i)).toList();
    parameters.forEach(parameter -> requireResolvable(method, parameter));
    List<MethodParameter> bodies = parameters.stream().filter(this::isBody).toList();
    if (bodies.size() > 1) {
      throw invalid(method, "has " + bodies.size() + " parameters for one body",
          "Annotate those that are headers with @Header, and keep one.");
    }
    bodies.forEach(body -> requireJsonFor(method, body.nestedIfOptional().getNestedParameterType()));
    requireJsonFor(method, method.getReturnType());
    return new ListenerMethod(bean, invocable(bean, method), arguments, converter);
  }

  private static void requireCallable(Method method) {
    if (Modifier.isPrivate(method.getModifiers()) || Modifier.isStatic(method.getModifiers())) {
      throw invalid(method, "is private or static", "Make it a method of the bean that others may call.");
    }
    if (Future.class.isAssignableFrom(method.getReturnType())
        || method.getReturnType().getName().startsWith("reactor.core.publisher.")) {
      throw invalid(method, "returns a result that is still to come",
          "Return the result itself; the method may block until it is there.");
    }
  }

  private void requireResolvable(Method method, MethodParameter parameter) {
    parameter.initParameterNameDiscovery(new DefaultParameterNameDiscoverer());
    if (parameter.hasParameterAnnotation(Header.class) && HeaderArgumentResolver.name(parameter) == null) {
      throw invalid(method, "has a header without a name", "Name it by @Header(\"...\"), or compile with -parameters.");
    }
    boolean validated = Arrays.stream(parameter.getParameterAnnotations()).anyMatch(ListenerMethods::asksForValidation);
    if (validated && (validator == null || !validator.supports(parameter.getParameterType()))) {
      throw invalid(method, "asks for validation, and there is no Validator", "Add spring-boot-starter-validation.");
    }
  }

  private static boolean asksForValidation(Annotation annotation) {
    return ValidationAnnotationUtils.determineValidationHints(annotation) != null;
  }

  private boolean isBody(MethodParameter parameter) {
    return parameter.getParameterType() != BrokerMessage.class
        && notForBodies.stream().noneMatch(resolver -> resolver.supportsParameter(parameter));
  }

  private void requireJsonFor(Method method, Class<?> type) {
    boolean needed = !List.of(byte[].class, String.class, BrokerMessage.class, void.class).contains(type);
    if (needed && converter.json() == null) {
      throw invalid(method, "needs JSON for " + type.getSimpleName() + ", and there is no JsonMapper",
          "Add spring-boot-starter-jackson, or use byte[] or String.");
    }
  }

  private static Method invocable(Object bean, Method method) {
    try {
      return AopUtils.selectInvocableMethod(method, bean.getClass());
    } catch (IllegalStateException e) {
      throw invalid(method, "cannot be called through the proxy of its bean",
          "Declare it in an interface of the bean, or set spring.aop.proxy-target-class=true.");
    }
  }

  private static InvalidListenerException invalid(Method method, String problem, String advice) {
    return new InvalidListenerException(describe(method) + " " + problem + ".", advice);
  }
}
