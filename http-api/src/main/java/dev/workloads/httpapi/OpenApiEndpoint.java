package dev.workloads.httpapi;

import org.springframework.boot.actuate.endpoint.annotation.ReadOperation;
import org.springframework.boot.actuate.endpoint.web.annotation.WebEndpoint;
import org.springframework.core.io.ClassPathResource;
import org.springframework.core.io.Resource;
import org.springframework.stereotype.Component;

/** Serves the OpenAPI description of {@code /task}, on the management port. */
@Component
@WebEndpoint(id = "openapi")
final class OpenApiEndpoint {

  @ReadOperation(produces = "application/yaml")
  Resource description() {
    return new ClassPathResource("openapi.yaml");
  }
}
