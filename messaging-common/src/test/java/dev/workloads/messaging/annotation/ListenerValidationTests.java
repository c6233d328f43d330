package dev.workloads.messaging.annotation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;

import dev.workloads.messaging.BrokerException;
import dev.workloads.messaging.BrokerMessage;
import dev.workloads.messaging.MessagingClient;
import dev.workloads.messaging.autoconfigure.MessagingAutoConfiguration;
import dev.workloads.messaging.testing.FailedStart;
import jakarta.validation.Valid;
import jakarta.validation.constraints.Max;
import jakarta.validation.constraints.Min;
import jakarta.validation.constraints.NotBlank;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.springframework.boot.WebApplicationType;
import org.springframework.boot.autoconfigure.AutoConfigurations;
import org.springframework.boot.autoconfigure.ImportAutoConfiguration;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.boot.test.context.runner.ApplicationContextRunner;
import org.springframework.boot.validation.autoconfigure.ValidationAutoConfiguration;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.messaging.handler.annotation.Header;
import org.springframework.validation.annotation.Validated;
import tools.jackson.databind.json.JsonMapper;

/** What Bean Validation says of messages, and of what is not their fault. */
class ListenerValidationTests {

  private static ConfigurableApplicationContext context;

  @BeforeAll
  static void start() {
    context = new SpringApplicationBuilder(Worker.class).web(WebApplicationType.NONE).run(
        "--spring.application.name=worker", "--messaging.transport=in-process");
  }

  @AfterAll
  static void stop() {
    context.close();
  }

  private static BrokerMessage request(BrokerMessage message) {
    return context.getBean(MessagingClient.class).request(message, Duration.ofSeconds(5));
  }

  @ParameterizedTest
  @CsvSource(delimiter = '|', value = {
      "text | ' ' | invalid body: must not be blank",
      "proxied.text | ' ' | invalid body: must not be blank",
      "bean | {\"name\":\"\"} | invalid body: name must not be blank",
      "proxied.bean | {\"name\":\"\"} | invalid body: name must not be blank",
      "valid.list | [{\"name\":\"a\"},{\"name\":\"\"}] | invalid body: [1].name must not be blank",
      "list.of.valid | [{\"name\":\"\"},{}] | invalid body: [0].name must not be blank, [1].name must not be blank",
      "list.of.text | [\"a\",\"\"] | invalid body: [1] must not be blank",
      "array | [{\"name\":\"\"}] | invalid body: [0].name must not be blank",
      "map | {\"k\":{\"name\":\"\"}} | invalid body: [k].name must not be blank",
      "optional | {\"name\":\"\"} | invalid body: name must not be blank",
      "grouped | {\"name\":\"\"} | invalid body: id must not be blank",
      "grouped.parameter | {\"name\":\"\"} | invalid body: id must not be blank",
      "nested | {\"parts\":[{\"name\":\"\"}]} | invalid body: parts[0].name must not be blank"})
  void ruleThatABodyBreaksIsNamedWithItsMember(String subject, String body, String text) {
    BrokerException failure =
        catchThrowableOfType(BrokerException.class, () -> request(BrokerMessage.of(subject, body)));

    assertThat(failure).hasMessage(text);
    assertThat(failure.code()).isEqualTo(400);
  }

  @ParameterizedTest
  @CsvSource(delimiter = '|', value = {"text | x", "bean | {\"name\":\"x\"}", "valid.list | []", "optional | null",
      "list.of.valid | [{\"name\":\"x\"}]", "proxied.text | x", "grouped | {\"id\":\"1\"}",
      "grouped.parameter | {\"id\":\"1\"}"})
  void whatKeepsTheRulesIsHandled(String subject, String body) {
    assertThat(request(BrokerMessage.of(subject, body)).text()).isEqualTo("handled");
  }

  @Test
  void headersAreChecked() {
    BrokerMessage message = BrokerMessage.of("headers", " ").withHeader("Width", "0");
    assertThat(catchThrowableOfType(BrokerException.class, () -> request(message)))
        .hasMessage("invalid body: must not be blank; invalid header Width: must be greater than or equal to 1");
  }

  @ParameterizedTest
  @ValueSource(strings = {"result", "proxied.result", "other.bean"})
  void whatIsNotTheMessagesFaultIsAFailureOfTheHandler(String subject) {
    BrokerException failure =
        catchThrowableOfType(BrokerException.class, () -> request(BrokerMessage.of(subject, "x")));

    assertThat(failure).hasMessage("handler failed");
    assertThat(failure.code()).isEqualTo(500);
  }

  @Test
  void groupsOfAContainerStopTheStart() {
    assertThat(FailedStart.report(new ApplicationContextRunner()
        .withConfiguration(AutoConfigurations.of(MessagingAutoConfiguration.class, ValidationAutoConfiguration.class))
        .withPropertyValues("messaging.transport=in-process", "spring.application.name=app")
        .withBean(JsonMapper.class).withBean(GroupedList.class)))
        .contains("GroupedList.handle asks to validate what is in a List", "@Valid");
  }

  interface OnSave {}

  record Part(@NotBlank String name) {}

  record Whole(@Valid List<Part> parts) {}

  record Saved(@NotBlank String name, @NotBlank(groups = OnSave.class) String id) {}

  @Configuration(proxyBeanMethods = false)
  @ImportAutoConfiguration({MessagingAutoConfiguration.class, ValidationAutoConfiguration.class})
  static class Worker {

    @Bean
    static JsonMapper jsonMapper() {
      return new JsonMapper();
    }

    @Bean
    Listeners listeners(Other other) {
      return new Listeners(other);
    }

    @Bean
    Proxied proxied() {
      return new Proxied();
    }

    @Bean
    Other other() {
      return new Other();
    }
  }

  @Validated
  static class Other {

    void call(@NotBlank String text) {}
  }

  static class GroupedList {

    @NatsListener(subjects = "a")
    void handle(@Validated(OnSave.class) List<Saved> list) {}
  }

  @Validated
  static class Proxied {

    @NatsListener(id = "proxiedText", subjects = "proxied.text")
    String text(@NotBlank String text) {
      return "handled";
    }

    @NatsListener(id = "proxiedBean", subjects = "proxied.bean")
    String bean(@Valid Part part) {
      return "handled";
    }

    @NatsListener(id = "proxiedResult", subjects = "proxied.result")
    @NotBlank String result(@NotBlank String text) {
      return "";
    }
  }

  static class Listeners {

    private final Other other;

    Listeners(Other other) {
      this.other = other;
    }

    @NatsListener(subjects = "text")
    String text(@NotBlank String text) {
      return "handled";
    }

    @NatsListener(subjects = "bean")
    String bean(@Valid Part part) {
      return "handled";
    }

    @NatsListener(subjects = "valid.list")
    String validList(@Valid List<Part> parts) {
      return "handled";
    }

    @NatsListener(subjects = "list.of.valid")
    String listOfValid(List<@Valid Part> parts) {
      return "handled";
    }

    @NatsListener(subjects = "list.of.text")
    String listOfText(List<@NotBlank String> parts) {
      return "handled";
    }

    @NatsListener(subjects = "array")
    String array(@Valid Part[] parts) {
      return "handled";
    }

    @NatsListener(subjects = "map")
    String map(Map<String, @Valid Part> parts) {
      return "handled";
    }

    @NatsListener(subjects = "optional")
    String optional(Optional<@Valid Part> part) {
      return "handled";
    }

    @Validated(OnSave.class)
    @NatsListener(subjects = "grouped")
    String grouped(@Valid Saved saved) {
      return "handled";
    }

    @NatsListener(subjects = "grouped.parameter")
    String groupedParameter(@Validated(OnSave.class) Saved saved) {
      return "handled";
    }

    @NatsListener(subjects = "nested")
    String nested(@Valid Whole whole) {
      return "handled";
    }

    @NatsListener(subjects = "headers")
    String headers(@NotBlank String text, @Header("Width") @Min(1) @Max(9) int width) {
      return "handled";
    }

    @NatsListener(subjects = "result")
    @NotBlank String result(String text) {
      return "";
    }

    @NatsListener(subjects = "other.bean")
    String otherBean(@NotBlank String text) {
      other.call("");
      return "handled";
    }
  }
}
