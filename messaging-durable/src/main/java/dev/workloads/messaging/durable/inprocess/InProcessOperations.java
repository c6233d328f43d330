package dev.workloads.messaging.durable.inprocess;

import dev.workloads.messaging.BrokerException;
import dev.workloads.messaging.BrokerException.Reason;
import dev.workloads.messaging.BrokerMessage;
import dev.workloads.messaging.durable.inprocess.InProcessRoom.Letter;
import dev.workloads.messaging.durable.operations.DeadLetter;
import dev.workloads.messaging.durable.operations.StoreOperations;
import java.time.Duration;
import java.util.List;
import java.util.NavigableMap;
import org.jspecify.annotations.Nullable;

/** What the store in memory tells and does for operators. All that it keeps shares one limit. */
record InProcessOperations(InProcessStore store, InProcessQueues queues, InProcessRoom room) implements StoreOperations {

  @Override
  public List<String> groups(Duration timeout) {
    return queues.groups();
  }

  @Override
  public Queue queue(String group, Duration timeout) {
    InProcessJobQueue queue = queues.find(group);
    if (queue == null) {
      throw new BrokerException(Reason.BROKER_UNAVAILABLE, "there is no queue of the group " + group);
    }
    return queue.state();
  }

  @Override
  public Room bucket(Duration timeout) {
    return new Room(store.bytes(), room.maxBytes());
  }

  @Override
  public LetterBox letterBox(Duration timeout) {
    NavigableMap<Long, Letter> letters = room.deadLetters(0);
    long last = room.lastLetter();
    return new LetterBox(letters.isEmpty() ? last + 1 : letters.firstKey(), last, letters.size());
  }

  @Override
  public List<DeadLetter> letters(long after, int max, Duration timeout) {
    return room.deadLetters(after).entrySet().stream().limit(max).map(each -> {
      Letter letter = each.getValue();
      return DeadLetter.of(letter.message(), each.getKey(), letter.time(), letter.message().body().length);
    }).toList();
  }

  @Override
  public @Nullable BrokerMessage letter(long sequence, Duration timeout) {
    Letter letter = room.deadLetters(sequence - 1).get(sequence);
    return letter == null ? null : letter.message();
  }

  @Override
  public void deleteLetter(long sequence, Duration timeout) {
    room.deleteLetter(sequence);
  }
}
