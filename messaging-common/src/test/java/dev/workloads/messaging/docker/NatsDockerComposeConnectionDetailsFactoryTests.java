package dev.workloads.messaging.docker;

import static org.assertj.core.api.Assertions.assertThat;

import dev.workloads.messaging.autoconfigure.NatsConnectionDetails;
import java.lang.reflect.Constructor;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.springframework.beans.BeanUtils;
import org.springframework.boot.autoconfigure.service.connection.ConnectionDetails;
import org.springframework.boot.autoconfigure.service.connection.ConnectionDetailsFactories;
import org.springframework.boot.docker.compose.core.ConnectionPorts;
import org.springframework.boot.docker.compose.core.DockerComposeFile;
import org.springframework.boot.docker.compose.core.ImageReference;
import org.springframework.boot.docker.compose.core.RunningService;
import org.springframework.boot.docker.compose.service.connection.DockerComposeConnectionSource;
import org.springframework.core.env.StandardEnvironment;

class NatsDockerComposeConnectionDetailsFactoryTests {

  @Test
  void serviceOfImageNatsSaysWhereNatsIs() {
    assertThat(details("nats:2-alpine")).isInstanceOfSatisfying(NatsConnectionDetails.class,
        details -> assertThat(details.getServers()).containsExactly("nats://docker.local:34222"));
  }

  @Test
  void serviceOfAnotherImageSaysNothing() {
    assertThat(details("redis")).isNull();
  }

  private static ConnectionDetails details(String image) {
    Constructor<DockerComposeConnectionSource> constructor =
        BeanUtils.getResolvableConstructor(DockerComposeConnectionSource.class);
    DockerComposeConnectionSource source = BeanUtils.instantiateClass(constructor, new Service(image), new StandardEnvironment());
    return new ConnectionDetailsFactories(null).getConnectionDetails(source, false).get(NatsConnectionDetails.class);
  }

  private record Service(String reference) implements RunningService {

    @Override
    public String name() {
      return "nats";
    }

    @Override
    public ImageReference image() {
      return ImageReference.of(reference);
    }

    @Override
    public String host() {
      return "docker.local";
    }

    @Override
    public ConnectionPorts ports() {
      return new ConnectionPorts() {
        @Override
        public int get(int containerPort) {
          return 30_000 + containerPort;
        }

        @Override
        public List<Integer> getAll() {
          return List.of(34_222);
        }

        @Override
        public List<Integer> getAll(String protocol) {
          return getAll();
        }
      };
    }

    @Override
    public Map<String, String> env() {
      return Map.of();
    }

    @Override
    public Map<String, String> labels() {
      return Map.of();
    }

    @Override
    public DockerComposeFile composeFile() {
      return null;
    }
  }
}
