package dev.workloads.reverse;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.workloads.messaging.MessagingClient;
import dev.workloads.reverse.TextListeners.Question;
import dev.workloads.reverse.TextListeners.Verdict;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.boot.test.context.SpringBootTest;

@SpringBootTest(properties = "messaging.transport=in-process")
class ReverseApplicationTests {

  private static final Duration TIMEOUT = Duration.ofSeconds(5);

  @Autowired
  MessagingClient client;

  @Test
  void textIsReversed() {
    assertThat(client.request("tasks.reverse", "leet", String.class, TIMEOUT)).isEqualTo("teel");
  }

  @Test
  void emptyTextIsRejected() {
    assertThatThrownBy(() -> client.request("tasks.reverse", "", String.class, TIMEOUT))
        .hasMessage("there is nothing to reverse");
  }

  @Test
  void palindromeIsFound() {
    assertThat(client.request("tasks.palindrome", new Question("level"), Verdict.class, TIMEOUT))
        .isEqualTo(new Verdict("level", true));
  }
}
