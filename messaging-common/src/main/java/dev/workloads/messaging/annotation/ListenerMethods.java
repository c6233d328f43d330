package dev.workloads.messaging.annotation;

import dev.workloads.messaging.BrokerMessageHandler;
import dev.workloads.messaging.InvalidConfigurationException;
import dev.workloads.messaging.ReplySink;
import dev.workloads.messaging.converter.SpringBodyConverter;
import java.lang.reflect.Method;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.springframework.aop.support.AopUtils;
import org.springframework.beans.factory.config.ConfigurableBeanFactory;
import org.springframework.core.MethodIntrospector;
import org.springframework.core.MethodParameter;
import org.springframework.core.ResolvableType;
import org.springframework.core.annotation.AnnotatedElementUtils;
import org.springframework.core.annotation.AnnotationUtils;
import org.springframework.core.annotation.SynthesizingMethodParameter;
import org.springframework.core.convert.support.DefaultConversionService;
import org.springframework.messaging.converter.MessageConverter;
import org.springframework.messaging.converter.SimpleMessageConverter;
import org.springframework.messaging.handler.annotation.support.HeadersMethodArgumentResolver;
import org.springframework.messaging.handler.annotation.support.MessageMethodArgumentResolver;
import org.springframework.messaging.handler.invocation.HandlerMethodArgumentResolver;
import org.springframework.messaging.handler.invocation.HandlerMethodArgumentResolverComposite;
import org.springframework.util.ClassUtils;
import org.springframework.validation.Validator;

/** Makes handlers of methods annotated with {@link NatsListener}, after checking that they can be called. */
public final class ListenerMethods {

  private static final boolean BEAN_VALIDATION =
      ClassUtils.isPresent("jakarta.validation.Validator", ListenerMethods.class.getClassLoader());

  private final SpringBodyConverter converter;
  private final @Nullable Object beanValidator; // a jakarta.validation.Validator, which may not be on the class path
  private final List<HandlerMethodArgumentResolver> notForBodies;
  private final ListenerChecks checks;
  private final HandlerMethodArgumentResolverComposite arguments = new HandlerMethodArgumentResolverComposite();

  /**
   * Creates handlers for beans of one factory, which may hold a validator of Bean Validation.
   *
   * @param validator checks what {@code @Validated} asks for, or {@code null} if there is none
   * @param others resolve parameters that are neither bodies nor headers
   */
  public ListenerMethods(SpringBodyConverter converter, @Nullable Validator validator, ConfigurableBeanFactory beans,
      Stream<HandlerMethodArgumentResolver> others) {
    this.converter = converter;
    this.beanValidator = BEAN_VALIDATION ? MethodConstraints.validator(beans) : null;
    this.checks = new ListenerChecks(converter.json() != null, validator, beanValidator != null);
    MessageConverter json = converter.json() == null ? new SimpleMessageConverter() : converter.json();
    this.notForBodies = Stream.concat(Stream.of(new BrokerMessageArgumentResolver(),
        new HeaderArgumentResolver(DefaultConversionService.getSharedInstance(), beans),
        new HeadersMethodArgumentResolver(), new MessageMethodArgumentResolver(json)), others).toList();
    arguments.addResolvers(notForBodies);
    arguments.addResolver(new BodyArgumentResolver(converter, validator, beanValidator != null));
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
   * @throws InvalidConfigurationException if the method cannot be called with a message
   */
  public BrokerMessageHandler handler(Object bean, Method method) {
    ListenerChecks.requireCallable(method);
    List<MethodParameter> parameters = IntStream.range(0, method.getParameterCount())
        .mapToObj(i -> (MethodParameter) new SynthesizingMethodParameter(method, i)).toList();
    parameters.forEach(parameter -> checks.requireResolvable(method, parameter));
    checks.requireOneBody(method, parameters.stream().filter(this::isBody).toList());
    checks.requireResult(method, ResolvableType.forMethodReturnType(method, AopUtils.getTargetClass(bean)));
    ListenerMethod handler = new ListenerMethod(bean, invocable(bean, method), arguments, converter,
        beanValidator == null ? null : MethodConstraints.of(beanValidator, bean, method, parameters));
    return StreamingListenerMethod.isOne(method) ? new StreamingListenerMethod(handler, converter) : handler;
  }

  private boolean isBody(MethodParameter parameter) {
    return parameter.getParameterType() != ReplySink.class
        && notForBodies.stream().noneMatch(resolver -> resolver.supportsParameter(parameter));
  }

  private static Method invocable(Object bean, Method method) {
    try {
      return AopUtils.selectInvocableMethod(method, bean.getClass());
    } catch (IllegalStateException e) {
      throw ListenerChecks.invalid(method, "cannot be called through the proxy of its bean",
          "Declare it in an interface of the bean, or set spring.aop.proxy-target-class=true.");
    }
  }
}
