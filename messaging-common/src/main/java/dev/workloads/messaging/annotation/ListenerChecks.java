package dev.workloads.messaging.annotation;

import dev.workloads.messaging.BrokerMessage;
import dev.workloads.messaging.InvalidConfigurationException;
import dev.workloads.messaging.ReplySink;
import dev.workloads.messaging.converter.SpringBodyConverter;
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
import org.springframework.core.DefaultParameterNameDiscoverer;
import org.springframework.core.KotlinDetector;
import org.springframework.core.MethodParameter;
import org.springframework.core.ResolvableType;
import org.springframework.core.annotation.AnnotatedElementUtils;
import org.springframework.core.annotation.MergedAnnotations;
import org.springframework.messaging.handler.annotation.DestinationVariable;
import org.springframework.messaging.handler.annotation.Header;
import org.springframework.messaging.handler.annotation.Payload;
import org.springframework.messaging.handler.annotation.SendTo;
import org.springframework.messaging.simp.annotation.SendToUser;
import org.springframework.validation.Validator;
import org.springframework.validation.annotation.ValidationAnnotationUtils;

/**
 * Checks at the start that a method can be called with a message, and that what it asks for is there.
 *
 * @param json whether bodies can be converted from and to JSON
 * @param validator checks what {@code @Validated} asks for, or {@code null} if there is none
 * @param beanValidation whether {@link MethodConstraints} check what {@code @Valid} asks for
 */
record ListenerChecks(boolean json, @Nullable Validator validator, boolean beanValidation) {

  private static final String VALID = "jakarta.validation.Valid";

  static void requireCallable(Method method) {
    if (Modifier.isPrivate(method.getModifiers()) || Modifier.isStatic(method.getModifiers())) {
      throw invalid(method, "is private or static", "Make it a method of the bean that others may call.");
    }
    Stream.of(SendTo.class, SendToUser.class).filter(other -> AnnotatedElementUtils.hasAnnotation(method, other)
        || AnnotatedElementUtils.hasAnnotation(method.getDeclaringClass(), other)).findFirst().ifPresent(other -> {
          throw invalid(method, "has @" + other.getSimpleName() + ", and what it returns goes to the requester only",
              "Remove that, and publish by a MessagingClient what is to go elsewhere.");
        });
  }

  void requireOneBody(Method method, List<MethodParameter> bodies) {
    if (bodies.size() > 1) {
      throw invalid(method, "has " + bodies.size() + " parameters for one body",
          "Annotate those that are headers with @Header, and keep one.");
    }
    bodies.forEach(body -> requireJsonFor(method, body.nestedIfOptional().getNestedParameterType()));
  }

  void requireResult(Method method, ResolvableType type) {
    ResolvableType held = type;
    while (held.resolve() == Optional.class) {
      held = held.getGeneric();
    }
    if (StreamingListenerMethod.isOne(method)) {
      requireReplies(method, type);
      return;
    }
    Class<?> result = held.resolve(Object.class);
    if (SpringBodyConverter.isStillToCome(result) || KotlinDetector.isSuspendingFunction(method)) {
      throw invalid(method, "returns a result that is still to come",
          "Return the result itself; the method may block until it is there.");
    }
    requireJsonFor(method, CharSequence.class.isAssignableFrom(result) ? String.class : result);
  }

  private void requireReplies(Method method, ResolvableType type) {
    List<ResolvableType> sinks = IntStream.range(0, method.getParameterCount())
        .mapToObj(i -> ResolvableType.forMethodParameter(method, i))
        .filter(parameter -> parameter.resolve() == ReplySink.class).toList();
    boolean isStream = type.resolve() == Stream.class;
    if (sinks.size() > 1 || sinks.isEmpty() != isStream || !isStream && type.resolve() != void.class) {
      throw invalid(method, "does not say how it sends several replies",
          "Return a Stream, or return nothing and take one ReplySink.");
    }
    Class<?> element = (isStream ? type : sinks.get(0)).getGeneric().resolve(Object.class);
    requireJsonFor(method, CharSequence.class.isAssignableFrom(element) ? String.class : element);
  }

  void requireResolvable(Method method, MethodParameter parameter) {
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
    boolean bySpring = Arrays.stream(parameter.getParameterAnnotations()).anyMatch(annotation -> !(beanValidation
        && isOfBeanValidation(annotation)) && ValidationAnnotationUtils.determineValidationHints(annotation) != null);
    if (bySpring && (validator == null || !validator.supports(type)) || !beanValidation && isConstrained(parameter)) {
      throw invalid(method, "asks for validation, and there is no Validator", "Add spring-boot-starter-validation.");
    }
    if (bySpring && type != byte[].class && (type.isArray() || type == Optional.class
        || Iterable.class.isAssignableFrom(type) || Map.class.isAssignableFrom(type))) {
      throw invalid(method, "asks to validate what is in a " + type.getSimpleName() + ", and @Validated does not",
          "Annotate the parameter with @Valid, and the method with @Validated if there are groups.");
    }
  }

  private static boolean isOfBeanValidation(Annotation annotation) {
    return annotation.annotationType().getName().equals(VALID) || isConstraint(annotation);
  }

  private static boolean isConstraint(Annotation annotation) {
    return MergedAnnotations.from(annotation.annotationType()).isPresent("jakarta.validation.Constraint");
  }

  // @Valid of the parameter itself does not count: it may be for Spring's own Validator
  private static boolean isConstrained(MethodParameter parameter) {
    AnnotatedType type = parameter.getExecutable().getAnnotatedParameterTypes()[parameter.getParameterIndex()];
    return Arrays.stream(parameter.getParameterAnnotations()).anyMatch(ListenerChecks::isConstraint)
        || elements(type).anyMatch(element ->
            Arrays.stream(element.getAnnotations()).anyMatch(ListenerChecks::isOfBeanValidation));
  }

  private static Stream<AnnotatedType> elements(AnnotatedType container) {
    return container instanceof AnnotatedParameterizedType type ? Arrays.stream(type.getAnnotatedActualTypeArguments())
        .flatMap(element -> Stream.concat(Stream.of(element), elements(element))) : Stream.empty();
  }

  private void requireJsonFor(Method method, Class<?> type) {
    boolean needed = !SpringBodyConverter.isPlain(type) && type != BrokerMessage.class && type != void.class;
    if (needed && !json) {
      throw invalid(method, "needs JSON for " + type.getSimpleName() + ", and there is no JsonMapper",
          "Add spring-boot-starter-jackson, or use byte[] or String.");
    }
  }

  static InvalidConfigurationException invalid(Method method, String problem, String advice) {
    return new InvalidConfigurationException(ListenerMethods.describe(method) + " " + problem + ".", advice);
  }
}
