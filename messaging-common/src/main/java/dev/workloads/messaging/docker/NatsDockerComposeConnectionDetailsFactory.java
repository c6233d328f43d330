package dev.workloads.messaging.docker;

import dev.workloads.messaging.autoconfigure.NatsConnectionDetails;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.springframework.boot.docker.compose.core.RunningService;
import org.springframework.boot.docker.compose.service.connection.DockerComposeConnectionDetailsFactory;
import org.springframework.boot.docker.compose.service.connection.DockerComposeConnectionSource;
import org.springframework.boot.ssl.SslBundle;

/** Lets {@code spring-boot-docker-compose} say where the service of image {@code nats} is. */
class NatsDockerComposeConnectionDetailsFactory extends DockerComposeConnectionDetailsFactory<NatsConnectionDetails> {

  private static final int PORT = 4222;

  NatsDockerComposeConnectionDetailsFactory() {
    super("nats");
  }

  @Override
  protected NatsConnectionDetails getDockerComposeConnectionDetails(DockerComposeConnectionSource source) {
    return new NatsDockerComposeConnectionDetails(source.getRunningService());
  }

  private static final class NatsDockerComposeConnectionDetails extends DockerComposeConnectionDetails
      implements NatsConnectionDetails {

    private final String server;
    private final @Nullable SslBundle sslBundle;

    private NatsDockerComposeConnectionDetails(RunningService service) {
      super(service);
      server = "nats://" + service.host() + ":" + service.ports().get(PORT);
      sslBundle = getSslBundle(service);
    }

    @Override
    public @Nullable SslBundle getSslBundle() {
      return sslBundle;
    }

    @Override
    public List<String> getServers() {
      return List.of(server);
    }
  }
}
