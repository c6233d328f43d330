package dev.workloads.reverse;

import dev.workloads.messaging.MessageRejectedException;
import dev.workloads.messaging.MessagingClient;
import dev.workloads.messaging.annotation.NatsListener;
import java.time.Duration;
import org.springframework.stereotype.Component;

@Component
class TextListeners {

  private final MessagingClient client;

  TextListeners(MessagingClient client) {
    this.client = client;
  }

  @NatsListener(subjects = "tasks.reverse")
  String reverse(String text) {
    if (text.isEmpty()) {
      throw new MessageRejectedException("there is nothing to reverse");
    }
    return new StringBuilder(text).reverse().toString();
  }

  @NatsListener(subjects = "tasks.palindrome", maxInFlight = 16)
  Verdict palindrome(Question question) {
    String reversed = client.request("tasks.reverse", question.text(), String.class, Duration.ofSeconds(2));
    return new Verdict(reversed, reversed.equals(question.text()));
  }

  record Question(String text) {}

  record Verdict(String reversed, boolean palindrome) {}
}
