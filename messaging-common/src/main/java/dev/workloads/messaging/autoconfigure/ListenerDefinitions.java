package dev.workloads.messaging.autoconfigure;

import dev.workloads.messaging.BrokerMessageHandler;
import dev.workloads.messaging.InvalidConfigurationException;
import dev.workloads.messaging.annotation.ListenerMethods;
import dev.workloads.messaging.annotation.NatsListener;
import dev.workloads.messaging.autoconfigure.MessagingProperties.ListenerOverrides;
import java.lang.reflect.Method;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import org.springframework.aop.framework.autoproxy.AutoProxyUtils;
import org.springframework.aop.scope.ScopedProxyUtils;
import org.springframework.beans.factory.BeanExpressionException;
import org.springframework.beans.factory.config.ConfigurableListableBeanFactory;
import org.springframework.beans.factory.config.EmbeddedValueResolver;
import org.springframework.core.NestedExceptionUtils;
import org.springframework.util.StringUtils;

/** Finds what handles messages in one bean factory: {@link BrokerMessageHandler} beans, and annotated methods of any. */
record ListenerDefinitions(ConfigurableListableBeanFactory beans, ListenerMethods methods) {

  private static final int NOT_SET = -1;

  /**
   * Returns all, those of beans first. The beans are created for that, lazy ones too.
   *
   * @throws InvalidConfigurationException if one cannot be called, or two have one name
   */
  List<ListenerDefinition> find() {
    List<ListenerDefinition> found = new ArrayList<>();
    names(BrokerMessageHandler.class).forEach(name -> found.add(new ListenerDefinition(name,
        "The BrokerMessageHandler bean " + name, beans.getBean(name, BrokerMessageHandler.class), true,
        ListenerOverrides.NONE)));
    names(Object.class).forEach(name -> found.addAll(annotatedMethods(name)));
    for (ListenerDefinition one : found) {
      found.stream().filter(other -> other != one && other.isCalled(one.id())).findFirst().ifPresent(other -> {
        throw new InvalidConfigurationException("Two listeners are called " + one.id() + ": " + one.origin() + " and "
            + other.origin() + ".", "Give one of them another id.");
      });
    }
    return found;
  }

  private Stream<String> names(Class<?> type) {
    return Arrays.stream(beans.getBeanNamesForType(type)).filter(name -> !ScopedProxyUtils.isScopedTarget(name));
  }

  private List<ListenerDefinition> annotatedMethods(String bean) {
    Class<?> type = AutoProxyUtils.determineTargetClass(beans, bean);
    return type == null || type.getName().startsWith("org.springframework.") ? List.of()
        : ListenerMethods.of(type).entrySet().stream()
            .map(method -> definition(bean, method.getKey(), method.getValue())).toList();
  }

  private ListenerDefinition definition(String bean, Method method, NatsListener annotation) {
    String origin = ListenerMethods.describe(method);
    if (!beans.isSingleton(bean)) {
      throw new InvalidConfigurationException(origin + " belongs to the bean " + bean + ", of which there may be many.",
          "Make the bean a singleton.");
    }
    String id = resolve(origin, annotation.id());
    return new ListenerDefinition(StringUtils.hasText(id) ? id : method.getName(), origin,
        methods.handler(beans.getBean(bean), method), false, declared(origin, annotation));
  }

  private ListenerOverrides declared(String origin, NatsListener annotation) {
    List<String> subjects = Arrays.stream(annotation.subjects()).map(subject -> resolve(origin, subject))
        .flatMap(resolved -> Arrays.stream(StringUtils.tokenizeToStringArray(resolved, ","))).toList();
    return new ListenerOverrides(subjects, resolve(origin, annotation.group()),
        annotation.maxInFlight() == NOT_SET ? null : annotation.maxInFlight(),
        annotation.queueCapacity() == NOT_SET ? null : annotation.queueCapacity());
  }

  private String resolve(String origin, String text) {
    try {
      return Objects.requireNonNullElse(new EmbeddedValueResolver(beans).resolveStringValue(text), "");
    } catch (IllegalArgumentException | BeanExpressionException e) {
      throw new InvalidConfigurationException(origin + " has an annotation that cannot be resolved, \"" + text + "\": "
          + NestedExceptionUtils.getMostSpecificCause(e).getMessage() + ".",
          "Set the property that it names, or give it a default by ${name:default}.");
    }
  }
}
