package dev.workloads.dev;

import dev.workloads.httpapi.HttpApiApplication;
import dev.workloads.leet.TaskLeetApplication;
import dev.workloads.messaging.durable.autoconfigure.DurableProperties;
import dev.workloads.messaging.durable.inprocess.InProcessStore;
import dev.workloads.messaging.inprocess.InProcessTransport;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.springframework.boot.Banner;
import org.springframework.boot.WebApplicationType;
import org.springframework.boot.autoconfigure.condition.ConditionalOnBooleanProperty;
import org.springframework.boot.autoconfigure.condition.ConditionalOnExpression;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.boot.context.properties.bind.Binder;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.core.env.Environment;

/**
 * The counterpart of {@code wash dev}: a parent context with the in-process transport, and the store of durable tasks beside
 * it, and each app in a child of it. With {@code messaging.transport=nats} each app connects on its own.
 */
@Configuration(proxyBeanMethods = false)
public class DevApplication {

  private static final Logger log = LoggerFactory.getLogger(DevApplication.class);

  private static final String IN_PROCESS = "!'nats'.equalsIgnoreCase('${messaging.transport:}')";

  @Bean
  @ConditionalOnExpression(IN_PROCESS)
  InProcessTransport inProcessTransport() {
    return new InProcessTransport();
  }

  @Bean
  @ConditionalOnExpression(IN_PROCESS)
  @ConditionalOnBooleanProperty("task.durable.enabled")
  InProcessStore inProcessStore(Environment environment) {
    DurableProperties durable = Binder.get(environment).bindOrCreate("messaging.durable", DurableProperties.class);
    return new InProcessStore(durable.retention(), durable.maxBytes().toBytes(), durable.maxJobs());
  }

  @Bean
  Apps apps() {
    return new Apps();
  }

  public static void main(String[] args) {
    start(args);
  }

  /** Starts both apps, the worker first, and returns their parent, which closes them. */
  static ConfigurableApplicationContext start(String... args) {
    ConfigurableApplicationContext parent = inDev(new SpringApplicationBuilder(DevApplication.class))
        .web(WebApplicationType.NONE).run(args);
    try {
      startApps(parent, args);
      return parent;
    } catch (RuntimeException | Error e) { // such as of a port that is taken: the worker would keep the process alive
      parent.close();
      throw e;
    }
  }

  private static void startApps(ConfigurableApplicationContext parent, String... args) {
    Apps apps = parent.getBean(Apps.class);
    apps.add(inDev(TaskLeetApplication.configure(new SpringApplicationBuilder()))
        .properties("messaging.durable.enabled=${task.durable.enabled}",
            "messaging.durable.subscriptions=jobs.default,jobs.task-leet")
        .parent(parent).web(WebApplicationType.NONE).run(args));
    ConfigurableApplicationContext httpApi =
        inDev(HttpApiApplication.configure(new SpringApplicationBuilder())).parent(parent).run(args);
    apps.add(httpApi);
    if (parent.getBeanProvider(InProcessStore.class).getIfAvailable() != null) {
      log.info("Durable tasks are kept in memory: they are gone when this ends");
    }
    log.info("Both apps are up. Try: curl -s -X POST http://localhost:{}/task -d '{\"payload\": \"Hello World\"}'",
        httpApi.getEnvironment().getProperty("local.server.port"));
  }

  private static SpringApplicationBuilder inDev(SpringApplicationBuilder builder) {
    return builder.bannerMode(Banner.Mode.OFF);
  }
}
