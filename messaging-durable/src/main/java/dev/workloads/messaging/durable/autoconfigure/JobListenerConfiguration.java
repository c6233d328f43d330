package dev.workloads.messaging.durable.autoconfigure;

import dev.workloads.messaging.Subjects;
import dev.workloads.messaging.autoconfigure.MessagingAutoConfiguration;
import dev.workloads.messaging.autoconfigure.MessagingProperties;
import dev.workloads.messaging.durable.DurableStore;
import dev.workloads.messaging.durable.JobHandler;
import dev.workloads.messaging.durable.JobListenerContainer;
import dev.workloads.messaging.durable.JobMetrics;
import dev.workloads.messaging.durable.JobSettings;
import dev.workloads.messaging.durable.Jobs;
import dev.workloads.messaging.durable.TaskProgresses;
import dev.workloads.messaging.listener.Listener;
import dev.workloads.messaging.listener.ListenerSettings;
import dev.workloads.messaging.listener.MessageListenerRegistry;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.springframework.beans.factory.ObjectProvider;
import org.springframework.boot.autoconfigure.condition.ConditionalOnBean;
import org.springframework.boot.autoconfigure.condition.ConditionalOnBooleanProperty;
import org.springframework.boot.autoconfigure.condition.ConditionalOnMissingBean;
import org.springframework.boot.autoconfigure.condition.SearchStrategy;
import org.springframework.boot.context.properties.source.InvalidConfigurationPropertyValueException;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Conditional;
import org.springframework.context.annotation.Configuration;
import org.springframework.core.env.Environment;

/**
 * The worker's side: the listeners that handle requests handle durable tasks as well. An application that only prepares ends
 * before it would take any.
 */
@Configuration(proxyBeanMethods = false)
@Conditional(OnDurable.OnSubscriptions.class)
@ConditionalOnBooleanProperty(name = DurableAutoConfiguration.PROVISION_ONLY, havingValue = false, matchIfMissing = true)
@ConditionalOnBean(value = MessageListenerRegistry.class, search = SearchStrategy.CURRENT)
class JobListenerConfiguration {

  @Bean
  JobSettings jobSettings(DurableProperties properties, MessagingProperties messaging,
      MessageListenerRegistry listeners) {
    Set<String> groups = properties.subscriptions().stream().map(subject -> listener(subject, listeners).settings().group())
        .collect(Collectors.toSet());
    String group = groups.iterator().next();
    if (groups.size() > 1 || group.equals(ListenerSettings.BROADCAST)) {
      throw invalid(properties.subscriptions(), "The listeners of these tasks are in " + groups
          + ": they must be in one group, which shares the tasks.");
    }
    properties.requireRetentionOfAttempts();
    return settings(group, properties, messaging);
  }

  static JobSettings settings(String group, DurableProperties properties, MessagingProperties messaging) {
    if (!Jobs.isGroup(group) || group.equals(ListenerSettings.BROADCAST)) {
      throw new InvalidConfigurationPropertyValueException("messaging.consumer-group", group, "The group of durable tasks "
          + "names a stream: it must be 1 to 200 letters, digits, - and _, and neither DEAD nor broadcast. By default the group is "
          + "spring.application.name.");
    }
    return new JobSettings(group, properties.subscriptions(), properties.maxInFlight(), properties.ackWait(),
        properties.maxRuntime(), properties.maxAttempts(), properties.backoff(), messaging.drainTimeout());
  }

  @Bean
  @ConditionalOnMissingBean(search = SearchStrategy.CURRENT)
  JobListenerContainer jobListenerContainer(DurableStore store, JobSettings settings, MessageListenerRegistry listeners,
      TaskProgresses progresses, Environment environment, ObjectProvider<JobMetrics> metrics) {
    Map<String, JobHandler> handlers = new LinkedHashMap<>();
    settings.subjects().forEach(subject -> handlers.put(subject, progresses.around(listener(subject, listeners))));
    return new JobListenerContainer(store, settings, handlers, MessagingAutoConfiguration.handlerThreads("job-", environment),
        metrics.getIfAvailable(() -> JobMetrics.NONE));
  }

  /** Returns the listener that handles the tasks of a subject: the one for requests to the same worker. */
  private static Listener listener(String subject, MessageListenerRegistry listeners) {
    String requests = Subjects.TASKS + subject.substring(Jobs.SUBJECT_PREFIX.length());
    return listeners.find(requests).orElseThrow(() -> invalid(subject, "No listener handles " + requests
        + ", so none can handle these tasks: correct the name, or subscribe a listener to it."));
  }

  private static InvalidConfigurationPropertyValueException invalid(Object value, String reason) {
    return new InvalidConfigurationPropertyValueException("messaging.durable.subscriptions", value, reason);
  }
}
