package dev.workloads.reverse;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.workloads.messaging.BrokerMessage;
import dev.workloads.messaging.MessagingClient;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.boot.test.context.SpringBootTest;

@SpringBootTest(properties = "messaging.transport=in-process")
class ReverseApplicationTests {

  @Autowired
  MessagingClient client;

  @Test
  void textIsReversed() {
    BrokerMessage reply = client.request(BrokerMessage.of("tasks.reverse", "leet"), Duration.ofSeconds(5));

    assertThat(reply.text()).isEqualTo("teel");
  }

  @Test
  void emptyTextIsRejected() {
    assertThatThrownBy(() -> client.request("tasks.reverse", new byte[0], Duration.ofSeconds(5)))
        .hasMessage("there is nothing to reverse");
  }
}
