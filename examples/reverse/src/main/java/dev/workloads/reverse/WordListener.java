package dev.workloads.reverse;

import dev.workloads.messaging.annotation.NatsListener;
import java.util.stream.Stream;
import org.springframework.stereotype.Component;

@Component
class WordListener {

  @NatsListener(subjects = "tasks.words")
  Stream<String> words(String text) {
    return Stream.of(text.split(" "));
  }
}
