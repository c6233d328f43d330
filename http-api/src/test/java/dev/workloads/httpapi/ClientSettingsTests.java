package dev.workloads.httpapi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatNoException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.workloads.messaging.InvalidConfigurationException;
import io.micrometer.core.instrument.simple.SimpleMeterRegistry;
import java.util.HashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.boot.context.properties.bind.Binder;
import org.springframework.boot.context.properties.source.MapConfigurationPropertySource;

class ClientSettingsTests {

  private static final String HASH = Keys.sha256("key");
  private static final String ANOTHER = Keys.sha256("another key");

  @ParameterizedTest
  @CsvSource(delimiter = '|', value = {
      "task.clients.a.rate=1 | task.clients.a.key-sha256 is missing",
      "task.clients.a.key-sha256= | task.clients.a.key-sha256 is missing",
      "task.clients.a.key-sha256=the-key-itself | task.clients.a.key-sha256 holds something other than 64 hex digits",
      "task.clients.a.key-sha256=HASH0 | task.clients.a.key-sha256 holds something other than 64 hex digits",
      "task.clients.a.key-sha256=HASH,HASH | task.clients.a.key-sha256 holds a key that stands there already",
      "task.clients.b.key-sha256=HASH task.clients.c.key-sha256=HASH | holds a key that task.clients.b has as well",
      "task.clients.[A].key-sha256=HASH | task.clients.A is no name of a client",
      "task.clients.[a.b].key-sha256=HASH | task.clients.a.b is no name of a client",
      "task.clients.a.key-sha256=HASH task.clients.a.max-in-flight=0 | task.clients.a.max-in-flight is 0",
      "task.clients.a.key-sha256=HASH task.clients.a.rate=0 | task.clients.a.rate is 0",
      "task.clients.a.key-sha256=HASH task.clients.a.rate=-1 | task.clients.a.rate is -1",
      "task.clients.a.key-sha256=HASH task.clients.a.rate=NaN | task.clients.a.rate is NaN",
      "task.clients.a.key-sha256=HASH task.clients.a.rate=2000000 | task.clients.a.rate is 2000000",
      "task.clients.a.key-sha256=HASH task.clients.a.workers=x.. | task.clients.a.workers holds 'x..', which is no name",
      "task.workers=a*b | task.workers holds 'a*b', which is no name",
      "task.workers=a.,b | task.workers holds 'a.', which is no name",
      "task.workers=tasks.> | task.workers holds 'tasks.>', which is no name",
      "task.workers=a task.clients.a.key-sha256=HASH task.clients.a.workers=b | task.clients.a.workers holds 'b', which task.workers does not allow",
      "task.workers=a task.clients.a.key-sha256=HASH task.clients.a.workers=a* | task.clients.a.workers holds 'a*', which task.workers does not allow",
      "task.workers=a* task.clients.a.key-sha256=HASH task.clients.a.workers=* | task.clients.a.workers holds '*', which task.workers does not allow",
  })
  void whatIsMalformedIsNamedAndNoKeyWithIt(String settings, String fault) {
    assertThatExceptionOfType(InvalidConfigurationException.class).isThrownBy(() -> clients(settings))
        .withMessageContaining(fault).satisfies(failure -> assertThat(failure.getMessage())
            .doesNotContain(HASH, ANOTHER, "the-key-itself"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "task.workers=*", "task.workers=a.b,c-*,d.*", "task.clients.a.key-sha256=HASH,ANOTHER",
      "task.clients.a-1.key-sha256=HASH task.clients.a-1.rate=0.5 task.clients.a-1.max-in-flight=1",
      "task.workers=a*,b task.clients.a.key-sha256=HASH task.clients.a.workers=a,ab*,b"})
  void whatIsRightIsTaken(String settings) {
    assertThatNoException().isThrownBy(() -> clients(settings));
  }

  private static void clients(String settings) {
    Map<String, String> properties = new HashMap<>();
    for (String setting : settings.isEmpty() ? new String[0] : settings.split(" ")) {
      String[] parts = setting.split("=", 2);
      properties.put(parts[0], parts[1].replace("HASH", HASH).replace("ANOTHER", ANOTHER));
    }
    TaskProperties bound = new Binder(new MapConfigurationPropertySource(properties)).bindOrCreate("task", TaskProperties.class);
    new Clients(bound, new KeyClientResolver(bound.clients()), new SimpleMeterRegistry());
  }

  @ParameterizedTest
  @CsvSource({"task.clients.a.worker, task.clients.a.workers", "task.clients.a.key, task.clients.a.key-sha256",
      "task.clients.a.limits.rate, task.clients.a.rate"})
  void typoBelowAClientStopsTheStart(String unknown, String known) {
    assertThatThrownBy(() -> start("--" + unknown + "=secret"))
        .hasMessageContaining("There is no property '" + unknown + "'").hasMessageContaining("Did you mean '" + known + "'?")
        .hasMessageNotContaining("secret");
  }

  @Test
  void secretThatCanBeGuessedStopsTheStart() {
    assertThatThrownBy(() -> start("--messaging.transport=in-process", "--task.durable.enabled=true", "--server.port=0",
        "--management.server.port=0", "--task.durable.id-secret=secret")).rootCause()
        .isInstanceOf(InvalidConfigurationException.class)
        .hasMessageContaining("task.durable.id-secret has fewer than 16 characters").hasMessageNotContaining("=secret");
  }

  private static void start(String... arguments) {
    HttpApiApplication.configure(new SpringApplicationBuilder()).run(arguments);
  }
}
