package dev.workloads.messaging.annotation;

import dev.workloads.messaging.InvalidConfigurationException;
import dev.workloads.messaging.MessageRejectedException;
import jakarta.validation.ConstraintViolation;
import jakarta.validation.ConstraintViolationException;
import jakarta.validation.ElementKind;
import jakarta.validation.Path;
import jakarta.validation.ValidationException;
import jakarta.validation.Validator;
import java.lang.reflect.Method;
import java.util.Iterator;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.springframework.aop.framework.AopProxyUtils;
import org.springframework.beans.factory.BeanFactory;
import org.springframework.core.MethodParameter;
import org.springframework.messaging.handler.annotation.Header;
import org.springframework.validation.annotation.ValidationAnnotationUtils;

/**
 * The constraints of a method by Bean Validation. The message is at fault if the parameters break theirs, and the method
 * if its result does. Used only where there is Bean Validation.
 */
record MethodConstraints(Validator validator, Object target, Method method, List<MethodParameter> parameters,
    Class<?>... groups) {

  /** Returns what Bean Validation is done by, or {@code null} if there is none, or several. */
  static @Nullable Object validator(BeanFactory beans) {
    return beans.getBeanProvider(Validator.class).getIfUnique();
  }

  /**
   * Reads the constraints of a method; returns {@code null} if it has none.
   *
   * @param bean may be a proxy
   * @throws InvalidConfigurationException if they contradict each other
   */
  static @Nullable MethodConstraints of(Object validator, Object bean, Method method,
      List<MethodParameter> parameters) {
    Object target = Objects.requireNonNullElse(AopProxyUtils.getSingletonTarget(bean), bean);
    Validator checks = (Validator) validator;
    try {
      return checks.getConstraintsForClass(target.getClass())
          .getConstraintsForMethod(method.getName(), method.getParameterTypes()) == null ? null
          : new MethodConstraints(checks, target, method, parameters,
              ValidationAnnotationUtils.determineValidationGroups(target, method));
    } catch (ValidationException e) {
      throw ListenerChecks.invalid(method, "has constraints that cannot be checked: " + e.getMessage(),
          "Correct its annotations.");
    }
  }

  /**
   * Checks what the method is to be given.
   *
   * @throws MessageRejectedException if it breaks a rule; its text names the member
   */
  void checkArguments(@Nullable Object[] arguments) {
    Set<ConstraintViolation<Object>> violations =
        validator.forExecutables().validateParameters(target, method, arguments, groups);
    if (!violations.isEmpty()) {
      throw new MessageRejectedException(violations.stream().collect(Collectors.groupingBy(this::origin, TreeMap::new,
          Collectors.mapping(this::rule, Collectors.toList()))).entrySet().stream().map(broken -> "invalid "
              + broken.getKey() + ": " + broken.getValue().stream().sorted().collect(Collectors.joining(", ")))
          .collect(Collectors.joining("; ")));
    }
  }

  /**
   * Checks what the method has returned.
   *
   * @throws ConstraintViolationException if it breaks a rule
   */
  void checkResult(@Nullable Object result) {
    Set<ConstraintViolation<Object>> violations =
        validator.forExecutables().validateReturnValue(target, method, result, groups);
    if (!violations.isEmpty()) {
      throw new ConstraintViolationException(violations);
    }
  }

  private static Path.Node parameterNode(ConstraintViolation<Object> violation) {
    Iterator<Path.Node> nodes = violation.getPropertyPath().iterator();
    nodes.next(); // the method
    return nodes.next();
  }

  private String origin(ConstraintViolation<Object> violation) {
    Path.Node node = parameterNode(violation);
    if (node.getKind() != ElementKind.PARAMETER) {
      return "message"; // several parameters together
    }
    MethodParameter parameter = parameters.get(node.as(Path.ParameterNode.class).getParameterIndex());
    return parameter.hasParameterAnnotation(Header.class) ? "header " + HeaderArgumentResolver.name(parameter) : "body";
  }

  // The path names the method and the parameter before the members. JSON has no name like <list element>.
  private String rule(ConstraintViolation<Object> violation) {
    String before = method.getName() + "." + parameterNode(violation).getName();
    String path = violation.getPropertyPath().toString();
    String member = path.startsWith(before) ? path.substring(before.length()).replaceAll("\\.?<[^>]*>", "") : "";
    return (member.replaceFirst("^\\.", "") + " " + violation.getMessage()).trim();
  }
}
