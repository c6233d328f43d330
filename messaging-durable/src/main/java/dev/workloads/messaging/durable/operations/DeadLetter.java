package dev.workloads.messaging.durable.operations;

import dev.workloads.messaging.BrokerMessage;
import dev.workloads.messaging.Subjects;
import dev.workloads.messaging.durable.Jobs;
import java.time.Instant;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * A dead letter without its payload.
 *
 * @param sequence its number
 * @param task the id of its task, or {@code null} if it names none
 * @param worker the name of the worker that its task is for, or {@code null} if it names none
 * @param client the name of the client that its task belongs to, or {@code null} if there is none
 * @param group the group of workers that gave up its job
 * @param reason why they did, cut to 256 characters
 * @param attempts how often the task was started
 * @param time when it was kept
 * @param size the bytes of its payload
 * @param complete whether its task can be done once more
 */
public record DeadLetter(long sequence, @Nullable String task, @Nullable String worker, @Nullable String client, String group,
    String reason, int attempts, Instant time, long size, boolean complete) {

  private static final int LONGEST_TEXT = 256; // somebody else may have written it

  /** Reads a letter that anybody may have written. */
  public static DeadLetter of(BrokerMessage letter, long sequence, Instant time, long size) {
    String task = letter.header(Jobs.TASK_ID_HEADER);
    String subject = text(letter, Jobs.JOB_SUBJECT_HEADER);
    String worker = subject != null && subject.startsWith(Jobs.SUBJECT_PREFIX)
        ? subject.substring(Jobs.SUBJECT_PREFIX.length()) : "";
    String attempts = Objects.requireNonNullElse(letter.header(Jobs.TASK_ATTEMPTS_HEADER), "");
    boolean isTask = task != null && Jobs.isTaskId(task);
    boolean isWorker = Subjects.isWorkerName(worker);
    return new DeadLetter(sequence, isTask ? task : null, isWorker ? worker : null, text(letter, Jobs.TASK_CLIENT_HEADER),
        letter.subject().substring(Jobs.DEAD_LETTER_PREFIX.length()),
        Objects.requireNonNullElse(text(letter, Jobs.REASON_HEADER), "no reason"),
        attempts.matches("\\d{1,9}") ? Integer.parseInt(attempts) : 0, time, size,
        isTask && isWorker && letter.header(Jobs.LACKS_HEADER) == null);
  }

  private static @Nullable String text(BrokerMessage letter, String header) {
    String text = letter.header(header);
    return text == null || text.length() <= LONGEST_TEXT ? text : text.substring(0, LONGEST_TEXT);
  }
}
