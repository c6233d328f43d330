package dev.workloads.dev;

import dev.workloads.messaging.MessageHandler;
import dev.workloads.messaging.MessagingClient;
import java.nio.charset.StandardCharsets;
import org.springframework.boot.autoconfigure.EnableAutoConfiguration;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;

/** Another type of worker: one handler bean and one line of configuration. */
@Configuration(proxyBeanMethods = false)
@EnableAutoConfiguration
class ReverseApplication {

  @Bean
  MessageHandler reverse(MessagingClient client) {
    return message -> {
      String text = new String(message.body(), StandardCharsets.UTF_8);
      client.publish(message.reply(new StringBuilder(text).reverse().toString().getBytes(StandardCharsets.UTF_8)));
    };
  }

  public static void main(String[] args) {
    new SpringApplicationBuilder(ReverseApplication.class).properties("spring.config.name=none",
        "spring.application.name=reverse", "messaging.subscriptions=tasks.reverse").run(args);
  }
}
