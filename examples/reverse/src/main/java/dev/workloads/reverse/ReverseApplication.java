package dev.workloads.reverse;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.workloads.messaging.BrokerMessageHandler;
import dev.workloads.messaging.MessageRejectedException;
import dev.workloads.messaging.MessagingClient;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.context.annotation.Bean;

@SpringBootApplication
public class ReverseApplication {

  @Bean
  BrokerMessageHandler reverse(MessagingClient client) {
    return message -> {
      if (message.body().length == 0) {
        throw new MessageRejectedException("there is nothing to reverse");
      }
      String reversed = new StringBuilder(new String(message.body(), UTF_8)).reverse().toString();
      client.publish(message.reply(reversed.getBytes(UTF_8)));
    };
  }

  public static void main(String[] args) {
    SpringApplication.run(ReverseApplication.class, args);
  }
}
