package dev.workloads.messaging.testcontainers;

import dev.workloads.messaging.autoconfigure.NatsConnectionDetails;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.springframework.boot.ssl.SslBundle;
import org.springframework.boot.testcontainers.service.connection.ContainerConnectionDetailsFactory;
import org.springframework.boot.testcontainers.service.connection.ContainerConnectionSource;
import org.testcontainers.containers.GenericContainer;

/** Lets {@code @ServiceConnection} on a container of image {@code nats} say where NATS is. */
class NatsContainerConnectionDetailsFactory
    extends ContainerConnectionDetailsFactory<GenericContainer<?>, NatsConnectionDetails> {

  private static final int PORT = 4222;

  NatsContainerConnectionDetailsFactory() {
    super("nats");
  }

  @Override
  protected NatsConnectionDetails getContainerConnectionDetails(
      ContainerConnectionSource<GenericContainer<?>> source) {
    return new NatsContainerConnectionDetails(source);
  }

  private static final class NatsContainerConnectionDetails extends ContainerConnectionDetails<GenericContainer<?>>
      implements NatsConnectionDetails {

    private NatsContainerConnectionDetails(ContainerConnectionSource<GenericContainer<?>> source) {
      super(source);
    }

    @Override
    public List<String> getServers() {
      return List.of("nats://" + getContainer().getHost() + ":" + getContainer().getMappedPort(PORT));
    }

    @Override
    public @Nullable SslBundle getSslBundle() {
      return super.getSslBundle();
    }
  }
}
