package dev.workloads.messaging.durable.inprocess;

import static org.assertj.core.api.Assertions.assertThat;

import dev.workloads.messaging.BrokerMessage;
import dev.workloads.messaging.durable.DurableStore;
import dev.workloads.messaging.durable.DurableTasksContractTests;
import dev.workloads.messaging.durable.JobSettings;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.Test;

class InProcessTasksTests extends DurableTasksContractTests {

  private final InProcessStore store = new InProcessStore(RETENTION, 64L << 20, 100_000);

  @Override
  protected DurableStore store() {
    return store;
  }

  @Override
  protected void provision(JobSettings settings) {
    store.open(settings.group(), settings.subjects(), settings.lease());
  }

  @Override
  protected List<BrokerMessage> deadLetters(String group) {
    return store.deadLetters().stream().filter(letter -> letter.subject().equals("jobs-dead." + group)).toList();
  }

  @Test
  void idsOfMessagesAreForgottenWhereThereAreTooMany() {
    for (int id = 0; id <= 100_000; id++) {
      append("first time", id);
    }
    append("second time", 100_000);
    assertThat(store.deadLetters()).extracting(BrokerMessage::text).doesNotContain("second time");
    append("second time", 0);
    assertThat(store.deadLetters()).extracting(BrokerMessage::text).endsWith("second time");
  }

  private void append(String text, int id) {
    store.append(BrokerMessage.of("jobs-dead.group", text), "id " + id, Duration.ofSeconds(1));
  }
}
