package dev.workloads.dev;

import dev.workloads.httpapi.HttpApiApplication;
import dev.workloads.leet.TaskLeetApplication;
import dev.workloads.messaging.inprocess.InProcessTransport;
import org.springframework.boot.Banner;
import org.springframework.boot.WebApplicationType;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;

/** The counterpart of {@code wash dev}: a parent context with the in-process transport, and each app in a child of it. */
@Configuration(proxyBeanMethods = false)
public class DevApplication {

  @Bean
  InProcessTransport inProcessTransport() {
    return new InProcessTransport();
  }

  @Bean
  Apps apps() {
    return new Apps();
  }

  public static void main(String[] args) {
    ConfigurableApplicationContext parent = new SpringApplicationBuilder(DevApplication.class)
        .web(WebApplicationType.NONE).bannerMode(Banner.Mode.OFF).run(args);
    Apps apps = parent.getBean(Apps.class);
    apps.add(TaskLeetApplication.configure(new SpringApplicationBuilder())
        .parent(parent).web(WebApplicationType.NONE).bannerMode(Banner.Mode.OFF).run(args));
    apps.add(HttpApiApplication.configure(new SpringApplicationBuilder())
        .parent(parent).bannerMode(Banner.Mode.OFF).run(args));
  }
}
