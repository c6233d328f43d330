package dev.workloads.messaging.test;

import java.util.List;
import org.springframework.beans.factory.support.DefaultSingletonBeanRegistry;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.test.context.ContextCustomizer;
import org.springframework.test.context.MergedContextConfiguration;
import org.springframework.test.context.support.TestPropertySourceUtils;

/** Starts the server of a context; equal arguments may share a cached context. */
record NatsServerContextCustomizer(List<String> arguments) implements ContextCustomizer {

  private static final String BEAN_NAME = "natsServer";

  @Override
  public void customizeContext(ConfigurableApplicationContext context, MergedContextConfiguration configuration) {
    NatsServer server = NatsServer.start(arguments.toArray(String[]::new));
    context.getBeanFactory().registerSingleton(BEAN_NAME, server);
    // The first to be registered is the last to be destroyed
    ((DefaultSingletonBeanRegistry) context.getBeanFactory()).registerDisposableBean(BEAN_NAME, server::close);
    TestPropertySourceUtils.addInlinedPropertiesToEnvironment(context, "messaging.transport=nats",
        "messaging.nats.servers=" + server.url());
  }
}
