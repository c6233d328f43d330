package dev.workloads.messaging.autoconfigure;

import dev.workloads.messaging.InvalidConfigurationException;
import dev.workloads.messaging.Subjects;
import dev.workloads.messaging.autoconfigure.MessagingProperties.ListenerOverrides;
import dev.workloads.messaging.listener.ListenerSettings;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.springframework.boot.context.properties.source.InvalidConfigurationPropertyValueException;

/** The settings of listeners: {@code messaging.listeners.<id>.*}, else what the code says, else {@code messaging.*}. */
record ListenerSettingsResolver(MessagingProperties properties, @Nullable String applicationName) {

  /**
   * Returns the listeners with their settings, in their order.
   *
   * @throws InvalidConfigurationPropertyValueException if a property names what is not there, or the group is wrong
   * @throws InvalidConfigurationException if a listener cannot subscribe, or two would take each other's messages
   */
  List<ConfiguredListener> resolve(List<ListenerDefinition> definitions) {
    properties.listeners().keySet().forEach(id -> requireListener(id, definitions));
    List<ListenerDefinition> beans = definitions.stream().filter(ListenerDefinition::isBean).toList();
    if (!properties.subscriptions().isEmpty() && beans.size() != 1) {
      throw new InvalidConfigurationPropertyValueException("messaging.subscriptions", properties.subscriptions(),
          beans.isEmpty() ? "There is no BrokerMessageHandler bean to handle the messages: declare one, or remove the "
              + "property. (A @NatsListener has subjects of its own.)"
              : "There are several BrokerMessageHandler beans: set in its place messaging.listeners.<bean>.subscriptions "
                  + "of " + ids(beans) + ".");
    }
    List<ConfiguredListener> listeners = definitions.stream()
        .map(one -> new ConfiguredListener(settings(one), one.handler())).toList();
    requireDisjoint(listeners.stream().map(ConfiguredListener::settings).toList());
    return listeners;
  }

  private void requireListener(String id, List<ListenerDefinition> definitions) {
    if (definitions.stream().noneMatch(one -> one.isCalled(id))) {
      throw new InvalidConfigurationPropertyValueException("messaging.listeners." + id, properties.listeners().get(id),
          "No listener is called so" + (definitions.isEmpty() ? "." : "; there is " + ids(definitions) + "."));
    }
  }

  private ListenerOverrides overrides(ListenerDefinition definition) {
    return properties.listeners().entrySet().stream().filter(entry -> definition.isCalled(entry.getKey()))
        .map(Map.Entry::getValue).findFirst().orElse(ListenerOverrides.NONE);
  }

  private ListenerSettings settings(ListenerDefinition definition) {
    ListenerOverrides defaults = new ListenerOverrides(definition.isBean() ? properties.subscriptions() : List.of(),
        properties.consumerGroup(), properties.maxInFlight(), properties.queueCapacity());
    ListenerOverrides resolved = overrides(definition).or(definition.declared()).or(defaults);
    String group = group(resolved.consumerGroup());
    try {
      return new ListenerSettings(definition.id(), resolved.subscriptions(), group,
          Objects.requireNonNullElse(resolved.maxInFlight(), properties.maxInFlight()),
          Objects.requireNonNullElse(resolved.queueCapacity(), properties.queueCapacity()), properties.drainTimeout());
    } catch (IllegalArgumentException e) {
      throw new InvalidConfigurationException(definition.origin() + " cannot subscribe: " + e.getMessage() + ".",
          "Correct " + (definition.isBean() ? "messaging.subscriptions" : "the annotation") + ", or set messaging.listeners."
              + definition.id() + ".*");
    }
  }

  private String group(@Nullable String configured) {
    String group = configured == null ? applicationName : configured;
    if (group == null) {
      throw new InvalidConfigurationPropertyValueException("messaging.consumer-group", null,
          "Name the group of workers that share the messages, here or by spring.application.name.");
    }
    try {
      return Subjects.requireGroup(group);
    } catch (IllegalArgumentException e) {
      throw new InvalidConfigurationPropertyValueException("messaging.consumer-group", group,
          "The worker cannot subscribe: " + e.getMessage() + ". By default the group is spring.application.name.");
    }
  }

  private static void requireDisjoint(List<ListenerSettings> settings) {
    for (int i = 0; i < settings.size(); i++) {
      ListenerSettings one = settings.get(i);
      settings.subList(i + 1, settings.size()).stream().filter(other -> overlap(one, other)).findFirst()
          .ifPresent(other -> {
            throw new InvalidConfigurationException("The listeners " + one.id() + " and " + other.id() + " would take each "
                + "other's messages: both are in group " + one.group() + ", and their subjects overlap, "
                + one.subscriptions() + " and " + other.subscriptions() + ".",
                "Give one of them another group or other subjects.");
          });
    }
  }

  private static boolean overlap(ListenerSettings one, ListenerSettings other) {
    return one.queueGroup() != null && one.queueGroup().equals(other.queueGroup())
        && one.subscriptions().stream().anyMatch(pattern ->
            other.subscriptions().stream().anyMatch(another -> Subjects.overlap(pattern, another)));
  }

  private static String ids(List<ListenerDefinition> definitions) {
    return definitions.stream().map(ListenerDefinition::id).collect(Collectors.joining(", "));
  }
}
