package dev.workloads.httpapi;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.workloads.messaging.autoconfigure.MessagingAutoConfiguration;
import java.io.IOException;
import java.io.InputStream;
import java.net.URISyntaxException;
import java.net.URL;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.springframework.boot.autoconfigure.AutoConfigurations;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.boot.context.properties.EnableConfigurationProperties;
import org.springframework.boot.context.properties.source.InvalidConfigurationPropertyValueException;
import org.springframework.boot.test.context.runner.ApplicationContextRunner;
import org.springframework.context.annotation.Configuration;
import org.springframework.util.unit.DataSize;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

class TaskPropertiesTests {

  private final ApplicationContextRunner runner = new ApplicationContextRunner().withUserConfiguration(Settings.class);

  @Test
  void defaultsAreThoseOfTheContract() {
    runner.run(context -> assertThat(context.getBean(TaskProperties.class)).isEqualTo(new TaskProperties(
        Duration.ofSeconds(5), DataSize.ofMegabytes(8), Duration.ofSeconds(10), Duration.ofSeconds(10), null, null,
        Duration.ofSeconds(1), List.of(), Map.of(), new TaskProperties.Page(false),
        new TaskProperties.Durable(false, Duration.ofSeconds(30), null),
        new TaskProperties.Stream(Duration.ofSeconds(30), Duration.ofMinutes(10)))));
  }

  @ParameterizedTest
  @CsvSource({
      "task.request-timeout, 0s, must be from 1 ms to 36500 d",
      "task.request-timeout, -1s, must be from 1 ms to 36500 d",
      "task.request-timeout, 999us, must be from 1 ms to 36500 d",
      "task.max-body-size, 0, must be from 1 byte to 2 GB",
      "task.max-body-size, -1, must be from 1 byte to 2 GB",
      "task.max-body-size, 2GB, must be from 1 byte to 2 GB",
      "task.body-timeout, 0ms, must be from 1 ms to 36500 d",
      "task.write-timeout, 0ms, must be from 1 ms to 36500 d",
      "task.max-in-flight, 0, must be at least 1",
      "task.max-buffered, 0, must be at least 1 byte",
      "task.drain-delay, -1ms, must be from 0 s to 36500 d",
      "task.durable.max-wait, -1s, must be from 0 s to 36500 d",
      "task.stream.stall, 0s, must be from 1 ms to 36500 d",
      "task.stream.timeout, 36501d, must be from 1 ms to 36500 d",
      "task.request-timeout, 36501d, must be from 1 ms to 36500 d",
      "task.body-timeout, 1000000000d, must be from 1 ms to 36500 d",
      "task.write-timeout, 1000000000d, must be from 1 ms to 36500 d",
      "task.drain-delay, 1000000000d, must be from 0 s to 36500 d",
      "task.durable.max-wait, 1000000000d, must be from 0 s to 36500 d"})
  void wrongValueStopsTheStartAndIsNamed(String name, String value, String rule) {
    runner.withPropertyValues(name + "=" + value).run(context -> assertThat(context).getFailure().rootCause()
        .isInstanceOf(InvalidConfigurationPropertyValueException.class)
        .hasMessageContaining(name)
        .extracting(failure -> ((InvalidConfigurationPropertyValueException) failure).getReason())
        .isEqualTo("The value " + rule + "."));
  }

  @ParameterizedTest
  @ValueSource(strings = {"task.request-timeout=1ms", "task.max-body-size=1B", "task.max-in-flight=1",
      "task.max-buffered=1B", "task.drain-delay=0", "task.body-timeout=1ms", "task.write-timeout=1ms", "task.durable.max-wait=0"})
  void smallestValuesAreAccepted(String setting) {
    runner.withPropertyValues(setting).run(context -> assertThat(context).hasNotFailed());
  }

  @ParameterizedTest
  @ValueSource(strings = {"task.request-timeout=", "task.max-body-size=", "task.max-in-flight=", "task.max-buffered=",
      "task.drain-delay=", "task.body-timeout=", "task.write-timeout=", "task.durable.enabled=", "task.durable.max-wait=", "task.workers=",
      "task.durable.id-secret="})
  void emptyValueIsAsIfItWereNotSet(String setting) {
    runner.run(usual -> runner.withConfiguration(AutoConfigurations.of(MessagingAutoConfiguration.class))
        .withPropertyValues("messaging.transport=in-process", setting).run(context ->
        assertThat(context.getBean(TaskProperties.class)).isEqualTo(usual.getBean(TaskProperties.class))));
  }

  @Test
  void unknownSettingStopsTheStart() {
    assertThatThrownBy(() -> HttpApiApplication.configure(new SpringApplicationBuilder()).run("--task.timeout=secret"))
        .hasMessageContaining("There is no property 'task.timeout'").hasMessageContaining("Did you mean 'task.")
        .hasMessageNotContaining("secret");
  }

  @Test
  void everySettingIsDescribed() throws IOException, URISyntaxException {
    // Not by the class loader, which finds the metadata of the messaging module as well
    URL classes = TaskProperties.class.getProtectionDomain().getCodeSource().getLocation();
    try (InputStream in = classes.toURI().resolve("META-INF/spring-configuration-metadata.json").toURL().openStream()) {
      JsonNode properties = JsonMapper.shared().readTree(in).path("properties");
      List<JsonNode> settings = StreamSupport.stream(properties.spliterator(), false)
          .filter(property -> property.path("name").asString().startsWith("task.")).toList();

      assertThat(settings).hasSize(Stream.of(TaskProperties.class, TaskProperties.Page.class, TaskProperties.Durable.class,
          TaskProperties.Stream.class).mapToInt(record -> record.getRecordComponents().length).sum() - 3); // three of them are the records
      assertThat(settings).allSatisfy(property -> {
        String description = property.path("description").asString("");
        assertThat(description).isNotBlank();
        assertThat(property.has("defaultValue") || description.contains("By default")).isTrue();
      });
    }
  }

  @Configuration(proxyBeanMethods = false)
  @EnableConfigurationProperties(TaskProperties.class)
  static class Settings {}
}
