package dev.workloads.reverse;

import dev.workloads.messaging.BrokerMessageHandler;
import dev.workloads.messaging.MessageRejectedException;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.context.annotation.Bean;

@SpringBootApplication
public class ReverseApplication {

  @Bean
  BrokerMessageHandler reverse() {
    return message -> {
      if (message.body().length == 0) {
        throw new MessageRejectedException("there is nothing to reverse");
      }
      return message.reply(new StringBuilder(message.text()).reverse().toString());
    };
  }

  public static void main(String[] args) {
    SpringApplication.run(ReverseApplication.class, args);
  }
}
