package dev.workloads.messaging.durable.autoconfigure;

import java.io.IOException;
import java.security.NoSuchAlgorithmException;
import java.util.Objects;
import org.springframework.boot.actuate.autoconfigure.web.ManagementContextConfiguration;
import org.springframework.boot.actuate.autoconfigure.web.server.ConditionalOnManagementPort;
import org.springframework.boot.actuate.autoconfigure.web.server.ManagementPortType;
import org.springframework.boot.actuate.endpoint.Access;
import org.springframework.boot.actuate.endpoint.EndpointAccessResolver;
import org.springframework.boot.actuate.endpoint.EndpointId;
import org.springframework.boot.actuate.endpoint.web.PathMappedEndpoints;
import org.springframework.boot.autoconfigure.condition.ConditionalOnBean;
import org.springframework.boot.autoconfigure.condition.ConditionalOnClass;
import org.springframework.boot.autoconfigure.condition.ConditionalOnWebApplication;
import org.springframework.boot.web.servlet.FilterRegistrationBean;
import org.springframework.context.annotation.Bean;
import org.springframework.core.env.Environment;
import org.springframework.util.StringUtils;
import org.springframework.web.servlet.DispatcherServlet;

/** What stands around the endpoint {@code tasks} where servlets serve it: a filter, and a page on a management port of its own. */
@ManagementContextConfiguration(proxyBeanMethods = false)
@ConditionalOnWebApplication(type = ConditionalOnWebApplication.Type.SERVLET)
@ConditionalOnClass(DispatcherServlet.class)
@ConditionalOnBean(TasksEndpoint.class)
class OperatorManagementConfiguration {

  private static final EndpointId ENDPOINT = EndpointId.of("tasks");
  private static final String PAGE = "/tasks";

  @Bean
  FilterRegistrationBean<OperatorRequestFilter> operatorRequestFilter(PathMappedEndpoints endpoints,
      DurableProperties properties, Environment environment) {
    var registration = new FilterRegistrationBean<>(new OperatorRequestFilter(properties.operations().allowedHosts()));
    String path = path(endpoints);
    if (ManagementPortType.get(environment) == ManagementPortType.DIFFERENT) {
      registration.addUrlPatterns(path, path + "/*", PAGE);
    } else {
      String servlet = StringUtils.trimTrailingCharacter(environment.getProperty("spring.mvc.servlet.path", ""), '/');
      registration.addUrlPatterns(servlet + path, servlet + path + "/*");
    }
    return registration;
  }

  /** Not beside the routes of a host that serves both on one port. */
  @Bean
  @ConditionalOnManagementPort(ManagementPortType.DIFFERENT)
  TasksPage tasksPage(PathMappedEndpoints endpoints, EndpointAccessResolver access)
      throws IOException, NoSuchAlgorithmException {
    return new TasksPage(path(endpoints), access.accessFor(ENDPOINT, Access.NONE) == Access.UNRESTRICTED);
  }

  private static String path(PathMappedEndpoints endpoints) {
    return Objects.requireNonNull(endpoints.getPath(ENDPOINT), "the endpoint is there, so it has a path");
  }
}
