package dev.workloads.benchmarks;

import dev.workloads.messaging.BrokerMessageHandler;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.boot.builder.SpringApplicationBuilder;
import org.springframework.context.annotation.Bean;

/** A worker that answers with what it was sent, after {@code benchmark.delay} milliseconds. */
@SpringBootApplication
public class EchoWorker {

  /** Reads the settings of the leet worker. */
  static SpringApplicationBuilder configure() {
    return new SpringApplicationBuilder(EchoWorker.class).properties("spring.config.name=task-leet");
  }

  @Bean
  BrokerMessageHandler echo(@Value("${benchmark.delay:0}") long delay) {
    return message -> {
      if (delay > 0) {
        Thread.sleep(delay);
      }
      return message.reply(message.body());
    };
  }

  public static void main(String[] args) {
    configure().run(args);
  }
}
