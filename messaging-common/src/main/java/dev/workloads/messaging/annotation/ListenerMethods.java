package dev.workloads.messaging.annotation;

import dev.workloads.messaging.BrokerMessage;
import dev.workloads.messaging.BrokerMessageHandler;
import dev.workloads.messaging.converter.SpringBodyConverter;
import dev.workloads.messaging.listener.InvalidListenerException;
import java.lang.annotation.Annotation;
import java.lang.reflect.AnnotatedParameterizedType;
import java.lang.reflect.AnnotatedType;
import java.lang.reflect.Method;
import java.lang.reflect.Modifier;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.springframework.aop.support.AopUtils;
import org.springframework.beans.factory.config.ConfigurableBeanFactory;
import org.springframework.core.DefaultParameterNameDiscoverer;
import org.springframework.core.KotlinDetector;
import org.springframework.core.MethodIntrospector;
import org.springframework.core.MethodParameter;
import org.springframework.core.ResolvableType;
import org.springframework.core.annotation.AnnotatedElementUtils;
import org.springframework.core.annotation.AnnotationUtils;
import org.springframework.core.annotation.MergedAnnotations;
import org.springframework.core.annotation.SynthesizingMethodParameter;
import org.springframework.core.convert.support.DefaultConversionService;
import org.springframework.messaging.converter.MessageConverter;
import org.springframework.messaging.converter.SimpleMessageConverter;
import org.springframework.messaging.handler.annotation.DestinationVariable;
import org.springframework.messaging.handler.annotation.Header;
import org.springframework.messaging.handler.annotation.Payload;
import org.springframework.messaging.handler.annotation.SendTo;
import org.springframework.messaging.handler.annotation.support.HeadersMethodArgumentResolver;
import org.springframework.messaging.handler.annotation.support.MessageMethodArgumentResolver;
import org.springframework.messaging.handler.invocation.HandlerMethodArgumentResolver;
import org.springframework.messaging.handler.invocation.HandlerMethodArgumentResolverComposite;
import org.springframework.messaging.simp.annotation.SendToUser;
import org.springframework.util.ClassUtils;
import org.springframework.validation.Validator;
import org.springframework.validation.annotation.ValidationAnnotationUtils;

/** Makes handlers of methods annotated with {@link NatsListener}, after checking that they can be called. */
public final class ListenerMethods {

  private static final boolean BEAN_VALIDATION =
      ClassUtils.isPresent("jakarta.validation.Validator", ListenerMethods.class.getClassLoader());

  private static final String VALID = "jakarta.validation.Valid";
  private static final String ADD_VALIDATOR = "Add spring-boot-starter-validation.";

  private final SpringBodyConverter converter;
  private final @Nullable Validator validator;
  private final @Nullable Object beanValidator; // a jakarta.validation.Validator, which may not be on the class path
  private final List<HandlerMethodArgumentResolver> notForBodies;
  private final HandlerMethodArgumentResolverComposite arguments = new HandlerMethodArgumentResolverComposite();

  /**
   * Creates handlers for beans of one factory, which may hold a validator of Bean Validation.
   *
   * @param validator checks what {@code @Validated} asks for, or {@code null} if there is none
   */
  public ListenerMethods(SpringBodyConverter converter, @Nullable Validator validator, ConfigurableBeanFactory beans) {
    this.converter = converter;
    this.validator = validator;
    this.beanValidator = BEAN_VALIDATION ? MethodConstraints.validator(beans) : null;
    MessageConverter json = converter.json() == null ? new SimpleMessageConverter() : converter.json();
    this.notForBodies = List.of(new BrokerMessageArgumentResolver(),
        new HeaderArgumentResolver(DefaultConversionService.getSharedInstance(), beans),
        new HeadersMethodArgumentResolver(), new MessageMethodArgumentResolver(json));
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
    requireResult(method, ResolvableType.forMethodReturnType(method, AopUtils.getTargetClass(bean)));
    return new ListenerMethod(bean, invocable(bean, method), arguments, converter,
        constraints(bean, method, parameters));
  }

  private static void requireCallable(Method method) {
    if (Modifier.isPrivate(method.getModifiers()) || Modifier.isStatic(method.getModifiers())) {
      throw invalid(method, "is private or static", "Make it a method of the bean that others may call.");
    }
    Stream.of(SendTo.class, SendToUser.class).filter(other -> AnnotatedElementUtils.hasAnnotation(method, other)
        || AnnotatedElementUtils.hasAnnotation(method.getDeclaringClass(), other)).findFirst().ifPresent(other -> {
          throw invalid(method, "has @" + other.getSimpleName() + ", and what it returns goes to the requester only",
              "Remove that, and publish by a MessagingClient what is to go elsewhere.");
        });
  }

  private void requireResult(Method method, ResolvableType type) {
    ResolvableType held = type;
    while (held.resolve() == Optional.class) {
      held = held.getGeneric();
    }
    Class<?> result = held.resolve(Object.class);
    if (SpringBodyConverter.isStillToCome(result) || KotlinDetector.isSuspendingFunction(method)) {
      throw invalid(method, "returns a result that is still to come",
          "Return the result itself; the method may block until it is there.");
    }
    requireJsonFor(method, CharSequence.class.isAssignableFrom(result) ? String.class : result);
  }

  private void requireResolvable(Method method, MethodParameter parameter) {
    parameter.initParameterNameDiscovery(new DefaultParameterNameDiscoverer());
    if (parameter.hasParameterAnnotation(Header.class) && HeaderArgumentResolver.name(parameter) == null) {
      throw invalid(method, "has a header without a name", "Name it by @Header(\"...\"), or compile with -parameters.");
    }
    Payload payload = parameter.getParameterAnnotation(Payload.class);
    if (parameter.hasParameterAnnotation(DestinationVariable.class)
        || payload != null && !payload.expression().isEmpty()) {
      throw invalid(method, "has a @DestinationVariable or an expression in @Payload: neither works here",
          "Take the BrokerMessage, and read its subject() or body() in the method.");
    }
    requireValidator(method, parameter);
  }

  private void requireValidator(Method method, MethodParameter parameter) {
    Class<?> type = parameter.getParameterType();
    boolean container = type.isArray() || type == Optional.class || Iterable.class.isAssignableFrom(type)
        || Map.class.isAssignableFrom(type);
    for (Annotation annotation : parameter.getParameterAnnotations()) {
      if (asksForValidation(annotation) && !(beanValidator != null && isOfBeanValidation(annotation))) {
        if (validator == null || !validator.supports(type)) {
          throw invalid(method, "asks for validation, and there is no Validator", ADD_VALIDATOR);
        }
        if (container && type != byte[].class) {
          throw invalid(method, "asks to validate what is in a " + type.getSimpleName() + ", and @Validated does not",
              "Annotate the parameter with @Valid, and the method with @Validated if there are groups.");
        }
      }
    }
    if (beanValidator == null && isConstrained(parameter)) {
      throw invalid(method, "asks for validation, and there is no Validator", ADD_VALIDATOR);
    }
  }

  private static boolean asksForValidation(Annotation annotation) {
    return ValidationAnnotationUtils.determineValidationHints(annotation) != null;
  }

  private static boolean isOfBeanValidation(Annotation annotation) {
    return annotation.annotationType().getName().equals(VALID) || isConstraint(annotation);
  }

  private static boolean isConstraint(Annotation annotation) {
    return MergedAnnotations.from(annotation.annotationType()).isPresent("jakarta.validation.Constraint");
  }

  // @Valid of the parameter itself may be for Spring's own Validator
  private static boolean isConstrained(MethodParameter parameter) {
    AnnotatedType type = parameter.getExecutable().getAnnotatedParameterTypes()[parameter.getParameterIndex()];
    return Arrays.stream(parameter.getParameterAnnotations()).anyMatch(ListenerMethods::isConstraint)
        || elements(type).anyMatch(element ->
            Arrays.stream(element.getAnnotations()).anyMatch(ListenerMethods::isOfBeanValidation));
  }

  private static Stream<AnnotatedType> elements(AnnotatedType container) {
    return container instanceof AnnotatedParameterizedType type ? Arrays.stream(type.getAnnotatedActualTypeArguments())
        .flatMap(element -> Stream.concat(Stream.of(element), elements(element))) : Stream.empty();
  }

  private @Nullable MethodConstraints constraints(Object bean, Method method, List<MethodParameter> parameters) {
    try {
      return beanValidator == null ? null : MethodConstraints.of(beanValidator, bean, method, parameters);
    } catch (IllegalArgumentException e) {
      throw invalid(method, "has constraints that cannot be checked: " + e.getMessage(), "Correct its annotations.");
    }
  }

  private boolean isBody(MethodParameter parameter) {
    return notForBodies.stream().noneMatch(resolver -> resolver.supportsParameter(parameter));
  }

  private void requireJsonFor(Method method, Class<?> type) {
    boolean needed = !SpringBodyConverter.isPlain(type) && type != BrokerMessage.class && type != void.class;
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
